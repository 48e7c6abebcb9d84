"""Other issuers whose tokens are accepted here, each within what its table allows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fhir_server.oauth.binding import binding_of
from fhir_server.oauth.claims import SECOND, Expected, check_emergency, expiry, instant
from fhir_server.oauth.compact import parse_compact, refuse_huge
from fhir_server.oauth.introspection import Introspection, check_answer
from fhir_server.oauth.issuer_claims import ClaimRules, Resolve, actor_of
from fhir_server.oauth.jws import verify
from fhir_server.oauth.paths import text_at, words_at
from fhir_server.oauth.refusal import refused
from fhir_server.oauth.remote_keys import Keys
from fhir_server.oauth.verified import Verified

KEPT = 60 * SECOND  # after which a holder is looked up anew: people leave
_DOTS = 2


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the tokens of an issuer must be. ``audience`` "": not looked at; ``clients`` empty: all of them; lifetime in seconds.

    ``bound``: only tokens that are bound to a key or a certificate.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("ES256",)
    types: tuple[str, ...] = ("at+jwt",)
    lifetime: int = 900
    required_scopes: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    proof_with_bearer: bool = False
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer: ``name`` is that of its table, ``source`` where its tokens are verified: with its keys, or by asking it."""

    name: str
    allowed: Allowed
    rules: ClaimRules
    source: Keys | Introspection
    opaque: bool = False

    async def verified(self, token: str, base: str, resolve: Resolve, now: int) -> Verified:
        """Return what ``token`` is worth; raises Unauthorized, NoIssuer. ``base`` is our own, ``now`` in microseconds."""
        claims, until = await self._claims(token, now)
        self._check(claims)
        binding = binding_of(claims)
        if self.allowed.bound and binding is None:
            raise refused("token-binding", "Tokens of this issuer must be bound to a key or a certificate of their holder.")
        actor = await actor_of(claims, self.rules, base, self._id(claims, token), resolve)
        check_emergency(actor.purpose, claims, now)
        issued = instant(claims, "iat") // SECOND if "iat" in claims else now // SECOND
        return Verified(actor, min(until, now + KEPT), issued, binding, self.allowed.proof_with_bearer)

    async def _claims(self, token: str, now: int) -> tuple[Mapping[str, Any], int]:
        if isinstance(self.source, Introspection):
            claims = await self.source.claims(token)
            return claims, check_answer(claims, self.allowed.issuer, self.allowed.audience, now)
        header = parse_compact(token).header
        keys = await self.source.keys(str(header.get("kid")), now)
        claims = verify(token, keys, self._expected(header), now)
        return claims, expiry(claims)

    def _expected(self, header: Mapping[str, Any]) -> Expected:
        allowed = self.allowed
        found = str(header.get("typ")).lower().removeprefix("application/")
        typ = found if found in allowed.types else allowed.types[0]
        return Expected(allowed.issuer, allowed.audience, typ, allowed.algorithms, allowed.lifetime)

    def _check(self, claims: Mapping[str, Any]) -> None:
        if not self.allowed.required_scopes <= set(words_at(claims, ("scope",))):
            raise refused("token-scope", "The access token lacks a scope that this server wants of its issuer's tokens.")
        client = text_at(claims, ("client_id",)) or text_at(claims, ("azp",))
        if self.allowed.clients and client not in self.allowed.clients:
            raise refused("token-client", "The access token was given to a client that this server does not accept.")

    def _id(self, claims: Mapping[str, Any], token: str) -> str:
        # Named after the issuer: no issuer can name, and so have revoked or recorded, a token of another one.
        return f"{self.name}:{text_at(claims, ('jti',)) or sha256(token.encode()).hexdigest()[:32]}"


class Issuers:
    """Every issuer that is trusted besides this server itself."""

    def __init__(self, issuers: Iterable[Issuer], base: str, resolve: Resolve) -> None:
        """Trust ``issuers``; ``resolve`` finds who carries an identifier."""
        issuers = tuple(issuers)
        self._known = {each.allowed.issuer: each for each in issuers}
        self._opaque = next((each for each in issuers if each.opaque), None)
        self._base = base
        self._resolve = resolve

    def of(self, token: str) -> Issuer | None:
        """Return the issuer that ``token`` claims to come from, None for this server or nobody known. Nothing is believed yet.

        Raises Unauthorized (token-malformed).
        """
        refuse_huge(token)
        if token.count(".") != _DOTS:
            return self._opaque
        claimed = parse_compact(token).claims.get("iss") if self._known else None
        return self._known.get(claimed) if isinstance(claimed, str) else None

    async def verified(self, issuer: Issuer, token: str, now: int) -> Verified:
        """Return what ``token`` is worth by ``issuer``."""
        return await issuer.verified(token, self._base, self._resolve, now)
