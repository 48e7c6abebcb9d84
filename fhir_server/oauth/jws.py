"""Signing and verifying tokens (RFC 7515, RFC 8725): the only module that touches the JOSE libraries.

python-jose trusts the header's ``alg``, ignores ``kid``, ``use`` and ``crit``, takes weak keys and lets missing claims pass. So
everything is decided here, before and after the one thing that is left to it: the arithmetic of a signature, with one key and one
algorithm that this module chose. joserfc does that arithmetic for the algorithms that python-jose lacks.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from jose import jwk, jws
from jose.exceptions import JOSEError
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from fhir_server.oauth.claims import Expected, check_claims
from fhir_server.oauth.compact import parse_compact
from fhir_server.oauth.jwk import SigningKey, VerifyingKey
from fhir_server.oauth.refusal import refused

# Only these may stand in a header: whatever else there is asks the reader to fetch a key, to bring its own, or to read differently.
_HEADER = frozenset({"alg", "typ", "kid"})
_DETACHED = "receipt+jws"  # so that it is never taken for a token
_OTHERS: Mapping[str, type[RSAKey | OKPKey]] = {"PS256": RSAKey, "EdDSA": OKPKey}


def sign(key: SigningKey, claims: Mapping[str, Any], typ: str = "at+jwt") -> str:
    """Return ``claims`` as a token in compact form, signed with ES256."""
    private: Any = key.private  # the library takes such keys, its type stubs do not say so
    private = jwk.construct(private, "ES256")
    return jws.sign(dict(claims), private, headers={"typ": typ, "kid": key.kid}, algorithm="ES256")


def sign_detached(key: SigningKey, payload: bytes) -> str:
    """Return a signature with ES256 over ``payload``, which is left out of it (RFC 7515 appendix F)."""
    private: Any = key.private
    token = jws.sign(payload, jwk.construct(private, "ES256"), headers={"typ": _DETACHED, "kid": key.kid}, algorithm="ES256")
    header, _, signature = token.split(".")
    return f"{header}..{signature}"


def verify(token: str, keys: Sequence[VerifyingKey], expected: Expected, now: int) -> dict[str, Any]:
    """Return the claims of ``token`` when all of it is as ``expected`` at the instant ``now`` (microseconds).

    Raises Unauthorized: token-malformed, token-header, token-key, token-signature, and the codes of ``check_claims``.
    """
    parts = parse_compact(token)
    key = _key(parts.header, keys, expected)
    if not signed_with(token, key):
        raise refused("token-signature", "The signature of the access token does not verify. Get a new one.")
    check_claims(parts.claims, expected, now)
    return parts.claims


def signed_with(token: str, key: VerifyingKey) -> bool:
    """Tell whether the signature of ``token``, whose form ``parse_compact`` has checked, is one of ``key`` with its algorithm."""
    public: Any = key.public
    try:
        if key.algorithm in _OTHERS:
            signed, _, signature = token.rpartition(".")
            raw = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
            return JWSRegistry.algorithms[key.algorithm].verify(signed.encode(), raw, _OTHERS[key.algorithm].import_key(public))
        jws.verify(token, jwk.construct(public, key.algorithm), algorithms=[key.algorithm])
    except (JOSEError, JoseError):
        return False
    return True


def _key(header: Mapping[str, Any], keys: Sequence[VerifyingKey], expected: Expected) -> VerifyingKey:
    if header.keys() - _HEADER:
        raise refused("token-header", "The access token's header has members other than alg, typ and kid.")
    if str(header.get("typ")).lower().removeprefix("application/") != expected.typ:
        raise refused("token-header", f"The access token is not of the type {expected.typ}.")
    if header.get("alg") not in expected.algorithms:
        raise refused("token-header", f"The access token must be signed with {' or '.join(expected.algorithms)}.")
    found = [key for key in keys if key.kid == header.get("kid") and key.algorithm == header["alg"]]
    if len(found) != 1:
        raise refused("token-key", "The access token is signed with a key that is not known here. Get a new one.")
    return found[0]
