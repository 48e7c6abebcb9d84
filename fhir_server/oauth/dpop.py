"""Proofs of possession (DPoP, https://www.rfc-editor.org/rfc/rfc9449): this request was made by the holder of this key."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlsplit

from fhir_server.errors import Unauthorized
from fhir_server.oauth.claims import SECOND
from fhir_server.oauth.compact import Compact, parse_compact
from fhir_server.oauth.jwk import ALGORITHMS, UnusableKey, VerifyingKey, embedded_key, encode
from fhir_server.oauth.jws import signed_with
from fhir_server.oauth.nonces import Nonces
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.refusal import unproven, wants_nonce
from fhir_server.oauth.replays import Replays

WINDOW = 60 * SECOND
_HEADER = frozenset({"alg", "typ", "jwk"})
_JTI = re.compile(r"[\x21-\x7e]{1,256}")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds but for its nonce and its being used once: ``key`` names it among all, ``issued`` is in microseconds."""

    key: bytes
    issued: int
    nonce: object = None


class Proofs:
    """Checks proofs and remembers those that were used in ``replays``; with ``nonces``, each proof must hold one of those."""

    def __init__(self, replays: Replays, nonces: Nonces | None = None) -> None:
        self._replays = replays
        self._nonces = nonces

    def nonce(self, now: int) -> str:
        """Return the nonce that the next proof is to hold, "" where none is asked for."""
        return self._nonces.current(now) if self._nonces else ""

    async def check(self, presented: Presented, token: bytes, thumbprint: str, now: int) -> None:
        """Return when the request brings one good and unused proof for ``token``, by the key ``thumbprint``.

        Raises Unauthorized: dpop-missing, dpop-proof, dpop-nonce, dpop-replayed.
        """
        found = presented.values(b"dpop")
        if not found:
            raise unproven("dpop-missing", "The access token is bound to a key: send a proof in the header DPoP with each request.")
        await self._once(proof_of(_only(found), presented.method, presented.url, token, thumbprint, now), now)

    async def key(self, presented: Presented, now: int) -> str:
        """Return the thumbprint of the key that a request for a token proves to have, "" when it brings no proof (section 5).

        Raises Unauthorized: dpop-proof, dpop-nonce, dpop-replayed.
        """
        found = presented.values(b"dpop")
        if not found:
            return ""
        key, claims = _signed(_only(found), presented.method, presented.url)
        await self._once(_named(key, claims, now), now)
        return key.kid

    async def _once(self, proof: Proof, now: int) -> None:
        if self._nonces is not None and not self._nonces.holds(proof.nonce, now):
            raise wants_nonce(self._nonces.current(now))
        if not await self._replays.first(proof.key, proof.issued, proof.issued + WINDOW + SECOND, now):
            raise unproven("dpop-replayed", "The DPoP proof was used before, or made before this server started. Make a new one.")


def proof_of(raw: bytes, method: str, url: str, token: bytes, thumbprint: str, now: int) -> Proof:
    """Return the proof in the header value ``raw`` when it is one for this request (section 4.3); raises Unauthorized (dpop-proof).

    ``now`` is in microseconds; ``thumbprint`` is the claim ``cnf.jkt`` of ``token``. Whether it was used before is not looked at.
    """
    key, claims = _signed(raw, method, url)
    if not hmac.compare_digest(key.kid, thumbprint):
        raise _wrong("It was made with another key than the access token is bound to")
    ath = claims.get("ath")
    if not isinstance(ath, str) or not ath.isascii() or not hmac.compare_digest(ath, encode(sha256(token).digest())):
        raise _wrong("The claim ath is not the hash of the access token")
    return _named(key, claims, now)


def _only(found: Sequence[bytes]) -> bytes:
    if len(found) > 1:
        raise _wrong("There must be one header DPoP")
    return found[0]


def _signed(raw: bytes, method: str, url: str) -> tuple[VerifyingKey, Mapping[str, Any]]:
    """Return the key and the claims of a proof for ``method`` and ``url``."""
    parts = _parsed(raw)
    key = _key(parts.header)
    if not signed_with(raw.decode("ascii"), key):
        raise _wrong("Its signature does not verify")
    claims = parts.claims
    if claims.get("htm") != method:
        raise _wrong("The claim htm is not the method of this request")
    if not same_place(claims.get("htu"), url):
        raise _wrong("The claim htu is not the URL of this request; it is compared with the public base of this server")
    return key, claims


def _named(key: VerifyingKey, claims: Mapping[str, Any], now: int) -> Proof:
    return Proof(sha256(f"{key.kid} {_jti(claims)}".encode()).digest(), _issued(claims, now), claims.get("nonce"))


def same_place(htu: object, url: str) -> bool:
    """Tell whether ``htu`` is ``url``, query and fragment aside, both normalised (RFC 3986 section 6.2.2 and 6.2.3)."""
    if not isinstance(htu, str):
        return False
    try:
        return _normal(htu) == _normal(url)
    except ValueError:
        return False


def _normal(url: str) -> tuple[str, str, int | None, tuple[str, ...]]:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no http URL")
    segments = tuple(unquote(each, errors="strict") for each in (parts.path or "/").split("/"))
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if parts.port is None else parts.port, segments


def _parsed(raw: bytes) -> Compact:
    try:
        return parse_compact(raw.decode("ascii"))
    except (UnicodeDecodeError, Unauthorized) as error:
        raise _wrong("It is no signed JWT in compact form") from error


def _key(header: Mapping[str, Any]) -> VerifyingKey:
    if header.keys() != _HEADER or header["typ"] != "dpop+jwt":
        raise _wrong("Its header must be typ dpop+jwt, alg and jwk, and nothing else")
    if not isinstance(header["alg"], str) or header["alg"] not in ALGORITHMS or not isinstance(header["jwk"], dict):
        raise _wrong(f"It must be signed with {', '.join(ALGORITHMS)}, and its jwk must be a public key")
    try:
        return embedded_key(header["jwk"], header["alg"])
    except UnusableKey as error:
        raise _wrong(f"Its key cannot be used: {error}") from error


def _jti(claims: Mapping[str, Any]) -> str:
    value = claims.get("jti")
    if not isinstance(value, str) or not _JTI.fullmatch(value):
        raise _wrong("The claim jti is missing, or not 1 to 256 visible ASCII characters")
    return value


def _issued(claims: Mapping[str, Any], now: int) -> int:
    value = claims.get("iat")
    if type(value) is not int or abs(value * SECOND - now) > WINDOW:
        raise _wrong(f"The claim iat is missing, or further than {WINDOW // SECOND} seconds from the clock of this server")
    return value * SECOND


def _wrong(text: str) -> Unauthorized:
    return unproven("dpop-proof", f"The DPoP proof does not hold. {text}. Make a new one for each request (RFC 9449).")
