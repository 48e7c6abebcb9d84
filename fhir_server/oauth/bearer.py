"""Who asks, by the Authorization header (RFC 6750, RFC 9449), and whether it is theirs to show."""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

from fhir_server.access.actor import Actor, from_claims
from fhir_server.oauth.binding import Binding, binding_of
from fhir_server.oauth.certificate import Certificates
from fhir_server.oauth.claims import SECOND, Expected, check_emergency, expiry, instant
from fhir_server.oauth.dpop import Proofs
from fhir_server.oauth.issuer import Issuers
from fhir_server.oauth.jwk import VerifyingKey
from fhir_server.oauth.jws import verify
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.refusal import missing, refused, unproven
from fhir_server.oauth.replays import MemoryReplays
from fhir_server.oauth.verified import Revoked, Verified, never_revoked

CACHE_SIZE = 4096
_HEADER = re.compile(rb"(?P<scheme>[A-Za-z]+) +(?P<token>[\x21-\x7e]+)")
_NOTHING = Binding()
_digest = partial(blake2b, digest_size=32)
_SCHEMES = frozenset({b"bearer", b"dpop"})


class Bearer:
    """Turns an Authorization header into an Actor.

    A verified token is kept until it expires, under the hash of the header: at most ``size`` of them, the least recently used one
    goes first. A refused token is never kept. What a token is bound to is proven by each request, and each time it is asked whether
    it was revoked.
    """

    def __init__(
        self,
        keys: Sequence[VerifyingKey],
        expected: Expected,
        size: int = CACHE_SIZE,
        *,
        issuers: Issuers | None = None,
        proofs: Proofs | None = None,
        certificates: Certificates | None = None,
        revoked: Revoked = never_revoked,
        anonymous: Actor | None = None,
    ) -> None:
        """Verify own tokens with ``keys`` (looked at each time) and others by ``issuers``; no header at all is ``anonymous``."""
        self._keys = keys
        self._expected = expected
        self._size = size
        self._issuers = issuers
        self._proofs = proofs or Proofs(MemoryReplays(0))
        self._certificates = certificates or Certificates()
        self._revoked = revoked
        self._anonymous = anonymous
        self._known: OrderedDict[bytes, Verified] = OrderedDict()

    def known(self, authorization: bytes | None, now: int) -> Actor | None:
        """Return the actor when the token was verified before and is bound to nothing, else None: then ask ``actor``.

        ``now`` is the instant of the request (microseconds). Raises Unauthorized (token-revoked).
        """
        digest = _digest(authorization or b"").digest()
        verified = self._known.get(digest)
        if verified is None or now >= verified.until or verified.binding is not None:
            return None
        self._known.move_to_end(digest)
        self._refuse_revoked(verified)
        return verified.actor

    async def actor(self, presented: Presented, now: int) -> Actor:
        """Return the actor of the request at the instant ``now`` (microseconds); raises Unauthorized, NoIssuer, TooCostly."""
        if self._anonymous is not None and not presented.authorization:
            return self._anonymous
        scheme, token = _credentials(presented.authorization)
        digest = _digest(presented.authorization or b"").digest()
        verified = self._known.get(digest)
        if verified is None or now >= verified.until:
            self._known.pop(digest, None)
            verified = await self._verified(token, now)
            _refuse_scheme(verified, scheme)  # before it is kept: what is known under this header fits its scheme
            self._keep(digest, verified)
        else:
            self._known.move_to_end(digest)
        self._refuse_revoked(verified)
        await self._refuse_unproven(verified, token, presented, now)
        return verified.actor

    def nonce(self, presented: Presented, now: int) -> str:
        """Return the nonce to give out to who sent a proof, "" for nobody else and where none is asked for."""
        return self._proofs.nonce(now) if presented.values(b"dpop") else ""

    async def _verified(self, token: bytes, now: int) -> Verified:
        text = token.decode("ascii")
        issuer = self._issuers.of(text) if self._issuers else None
        if self._issuers is not None and issuer is not None:
            return await self._issuers.verified(issuer, text, now)
        return _own(verify(text, self._keys, self._expected, now), now)

    def _keep(self, digest: bytes, verified: Verified) -> None:
        self._known[digest] = verified
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def _refuse_revoked(self, verified: Verified) -> None:
        if self._revoked(verified.actor.token, verified.actor.reference, verified.issued):
            raise refused("token-revoked", "The access token was revoked, or its holder has left. Log in again.")

    async def _refuse_unproven(self, verified: Verified, token: bytes, presented: Presented, now: int) -> None:
        binding = verified.binding or _NOTHING
        if binding.certificate:
            self._certificates.check(presented, binding.certificate)
        if binding.key:
            await self._proofs.check(presented, token, binding.key, now)


def _refuse_scheme(verified: Verified, scheme: bytes) -> None:
    key = (verified.binding or _NOTHING).key
    if scheme == b"dpop" and not key:
        raise refused("token-binding", "The access token is not bound to a key: send it as Authorization: Bearer TOKEN.")
    if scheme == b"bearer" and key and not verified.proof_with_bearer:
        raise unproven("token-binding", "The access token is bound to a key: send it under the scheme DPoP, with a proof.")


def _own(claims: Mapping[str, Any], now: int) -> Verified:
    actor = from_claims(claims)
    check_emergency(actor.purpose, claims, now)
    return Verified(actor, expiry(claims), instant(claims, "iat") // SECOND, binding_of(claims))


def _credentials(authorization: bytes | None) -> tuple[bytes, bytes]:
    if authorization is None:
        raise missing("This request needs an access token: send the header Authorization: Bearer TOKEN.")
    match = _HEADER.fullmatch(authorization.strip(b" \t"))
    if match is None or match["scheme"].lower() not in _SCHEMES:
        raise refused("token-malformed", "The Authorization header must have the form: Bearer TOKEN, or DPoP TOKEN.")
    return match["scheme"].lower(), match["token"]
