"""Access tokens of MedMij: signed by this server, for its data services and nothing else of it.

They live 900 seconds and name the client, the provider and the data services (MedMij Token interface, version 2.2.4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.oauth.claims import SECOND, Expected, instant, text
from fhir_server.oauth.jwk import SigningKey, VerifyingKey
from fhir_server.oauth.jws import sign, verify

LIFETIME: Final = 900
_TYP: Final = "medmij-at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who may collect what: the PGO at ``host``, for ``patient`` ("Patient/id"), from ``provider`` by ``services``.

    ``id`` is "FAMILY.ID" (``oauth/revocations``); ``authenticated`` is when the client logged in, ``issued`` when it was made (both
    microseconds).
    """

    id: str
    host: str
    patient: str
    provider: str
    services: tuple[str, ...]
    authenticated: int
    issued: int


def expected(issuer: str) -> Expected:
    """Return what a token of this kind must be."""
    return Expected(issuer, audience(issuer), typ=_TYP, lifetime=LIFETIME)


def audience(issuer: str) -> str:
    """Return for whom the tokens are."""
    return f"{issuer}/medmij"


def signed(token: AccessToken, key: SigningKey, issuer: str) -> str:
    """Return ``token`` as it is given out."""
    issued = token.issued // SECOND
    claims: Mapping[str, Any] = {
        "iss": issuer,
        "aud": audience(issuer),
        "sub": token.patient,
        "client_id": token.host,
        "provider": token.provider,
        "scope": " ".join(token.services),
        "jti": token.id,
        "auth_time": token.authenticated // SECOND,
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    return sign(key, claims, _TYP)


def opened(compact: str, keys: Sequence[VerifyingKey], issuer: str, now: int) -> AccessToken:
    """Return the token that ``compact`` is; raises Unauthorized for any that is not good at the instant ``now`` (microseconds)."""
    claims = verify(compact, keys, expected(issuer), now)
    return AccessToken(
        id=text(claims, "jti"),
        host=text(claims, "client_id"),
        patient=text(claims, "sub"),
        provider=text(claims, "provider"),
        services=tuple(text(claims, "scope").split()),
        authenticated=instant(claims, "auth_time"),
        issued=instant(claims, "iat"),
    )
