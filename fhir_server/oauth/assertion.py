"""Client assertions: a client proves who it is by a JWT signed with its own key.

RFC 7523 section 3, https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Unauthorized
from fhir_server.oauth.claims import LEEWAY
from fhir_server.oauth.compact import Compact, parse_compact
from fhir_server.oauth.jwk import VerifyingKey
from fhir_server.oauth.jws import signed_with
from fhir_server.oauth.oauth_error import OAuthError, invalid_client
from fhir_server.oauth.store import SECOND

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384", "ES256")
LONGEST = 300 * SECOND
_HEADER = frozenset({"alg", "typ", "kid", "jku"})
_JTI_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that was read and not believed yet: who it says it is from, and the key that it names."""

    text: str
    parts: Compact
    client: str
    kid: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What is left to check of a good assertion: that ``jti`` is used once; it is over at ``until`` (microseconds)."""

    jti: str
    until: int


def read_assertion(text: str) -> Assertion:
    """Read an assertion's form, and who it says it is from; raises OAuthError (invalid_client)."""
    try:
        parts = parse_compact(text)
    except Unauthorized as error:
        raise _wrong("It is no signed JWT in compact form") from error
    client, kid = parts.claims.get("iss"), parts.header.get("kid")
    if not isinstance(client, str) or client != parts.claims.get("sub"):
        raise _wrong("Its claims iss and sub must both be the client_id")
    if not isinstance(kid, str):
        raise _wrong("Its header names no key (kid)")
    return Assertion(text, parts, client, kid)


def proven(assertion: Assertion, keys: Sequence[VerifyingKey], jwks_uri: str, audience: str, now: int) -> Proven:
    """Verify an assertion with the client's ``keys`` (``jwks_uri``: where they are published) for ``audience``, at ``now``.

    Raises OAuthError (invalid_client). What it does not check is whether the assertion was used before.
    """
    key = _key(assertion, keys, jwks_uri)
    if not signed_with(assertion.text, key):
        raise _wrong("Its signature does not verify")
    claims = assertion.parts.claims
    aud = claims.get("aud")
    if audience not in (aud, *(aud if isinstance(aud, list) and len(aud) == 1 else ())):
        raise _wrong(f"Its claim aud must be {audience}")
    return Proven(_jti(claims), _until(claims, now))


def _key(assertion: Assertion, keys: Sequence[VerifyingKey], jwks_uri: str) -> VerifyingKey:
    header = assertion.parts.header
    if header.keys() - _HEADER:
        raise _wrong(f"Its header has members other than {', '.join(sorted(_HEADER))}")
    if str(header.get("typ", "JWT")).lower() != "jwt":
        raise _wrong("Its typ must be JWT")
    if header.get("alg") not in ALGORITHMS:
        raise _wrong(f"It must be signed with {', '.join(ALGORITHMS)}")
    if "jku" in header and header["jku"] != jwks_uri:
        raise _wrong("Its jku is not the jwks_uri that the client is registered with")
    found = [key for key in keys if key.kid == assertion.kid and key.algorithm == header["alg"]]
    if len(found) != 1:
        raise _wrong("Its key is not one that the client is registered with")
    return found[0]


def _until(claims: Mapping[str, Any], now: int) -> int:
    expires = _instant(claims, "exp")
    if now >= expires + LEEWAY:
        raise _wrong("It has expired")
    if expires > now + LONGEST + LEEWAY:
        raise _wrong(f"Its claim exp lies more than {LONGEST // SECOND} seconds ahead")
    for name in ("iat", "nbf"):
        if name in claims and _instant(claims, name) > now + LEEWAY:
            raise _wrong("It is not valid yet")
    return expires + LEEWAY


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise _wrong(f"Its claim {name} is missing or no whole number of seconds")
    return value * SECOND


def _jti(claims: Mapping[str, Any]) -> str:
    value = claims.get("jti")
    if not isinstance(value, str) or not 0 < len(value) <= _JTI_LENGTH:
        raise _wrong("Its claim jti is missing, or longer than 256 characters")
    return value


def _wrong(text: str) -> OAuthError:
    return invalid_client(f"The client assertion does not hold. {text}.")
