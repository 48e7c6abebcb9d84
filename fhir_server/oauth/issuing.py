"""What a client gets: the answer of the token endpoint.

RFC 6749 section 5.1, https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fhir_server.oauth.authority import Authority
from fhir_server.oauth.clients import Client
from fhir_server.oauth.jws import sign
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.narrowing import OFFLINE, ONLINE
from fhir_server.oauth.oauth_error import invalid_grant
from fhir_server.oauth.store import SECOND, Granted, RefreshToken, hashed
from fhir_server.oauth.token import TokenRequest, TokenRequestError, issue

_DAY = 86_400 * SECOND
_OFFLINE_IDLE, _OFFLINE = 30 * _DAY, 365 * _DAY
_ONLINE = _DAY // 2


def access_token(authority: Authority, granted: Granted, family: str, lifetime: int, now: int, bound: str = "") -> str:
    """Return a signed access token for ``granted``; raises OAuthError (invalid_grant) when it makes no sense."""
    request = TokenRequest(
        reference=granted.subject,
        role=granted.role,
        scope=granted.scope,
        patient=granted.patient,
        purpose=granted.purpose,
        reason=granted.reason,
        organisation=granted.organisation,
        client=granted.client,
        lifetime=lifetime,
        bound=bound,
        authenticated=granted.authenticated,
    )
    try:
        key = authority.ring.signing(now)
        return issue(request, key, authority.issuer, authority.audience, now, f"{family}.{authority.new_id()}")
    except TokenRequestError as error:
        raise invalid_grant(str(error)) from error


def answered(authority: Authority, client: Client, granted: Granted, family: str, now: int, bound: str = "") -> dict[str, Any]:
    """Return the answer for a person: access token, id token when ``openid`` was granted, and the launch context."""
    lifetime = authority.lifetime(client)
    words = granted.scope.split()
    body: dict[str, Any] = {
        "access_token": access_token(authority, granted, family, lifetime, now, bound),
        "token_type": "DPoP" if bound else "Bearer",
        "expires_in": lifetime,
        "scope": granted.scope,
    }
    if "openid" in words:
        body["id_token"] = sign(authority.ring.signing(now), _identity(authority, granted, lifetime, now), "JWT")
    if granted.patient:
        body |= {"patient": granted.patient, "need_patient_banner": True}
    return body


def first_refresh(client: Client, granted: Granted, family: str, now: int, bound: str = "") -> tuple[str, RefreshToken] | None:
    """Return a new refresh token and what is kept of it, None where client or scope ask for none."""
    words = granted.scope.split()
    if "refresh_token" not in client.grant_types or not {OFFLINE, ONLINE} & set(words):
        return None
    secret = fresh_secret()
    idle, whole = (_OFFLINE_IDLE, _OFFLINE) if OFFLINE in words else (_ONLINE, _ONLINE)
    return secret, RefreshToken(hashed(secret), family, granted, now + idle, now + whole, bound=bound)


def next_refresh(token: RefreshToken, now: int) -> tuple[str, RefreshToken]:
    """Return the refresh token that follows ``token``, and what is kept of it."""
    secret = fresh_secret()
    idle = _OFFLINE_IDLE if OFFLINE in token.granted.scope.split() else _ONLINE
    return secret, replace(token, hash=hashed(secret), expires=min(now + idle, token.ends), used=0)


def _identity(authority: Authority, granted: Granted, lifetime: int, now: int) -> Mapping[str, Any]:
    """Return the claims of the id token (OpenID Connect Core section 2)."""
    issued = now // SECOND
    claims: dict[str, Any] = {
        "iss": authority.issuer,
        "sub": granted.subject,
        "aud": granted.client,
        "iat": issued,
        "exp": issued + lifetime,
        "auth_time": granted.authenticated // SECOND,
    }
    if granted.nonce:
        claims["nonce"] = granted.nonce
    if {"fhirUser", "profile"} & set(granted.scope.split()):
        claims["fhirUser"] = f"{authority.audience}/{granted.subject}"
    return claims
