"""What a token is (RFC 7662), and how it ends (RFC 7009). Of a token that is not the asker's business nothing is told."""

from typing import Any

from fhir_server.errors import Unauthorized
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.claims import Expected, expiry
from fhir_server.oauth.clients import Client
from fhir_server.oauth.jws import verify
from fhir_server.oauth.leavers import has_left, is_of_leaver
from fhir_server.oauth.store import SECOND, Granted, RefreshToken, hashed

_INACTIVE: dict[str, Any] = {"active": False}
_TOLD = (
    "iss",
    "aud",
    "sub",
    "fhirUser",
    "role",
    "scope",
    "patient",
    "purpose",
    "organization",
    "client_id",
    "jti",
    "auth_time",
    "iat",
    "exp",
    "cnf",
)


async def inspected(authority: Authority, client: Client, token: str, now: int) -> dict[str, Any]:
    """Return what ``client`` may know of a token: all of its own, and of access tokens of others when it is a resource server."""
    claims = _claims(authority, token, now)
    if claims is not None:
        await authority.revocations.look(now)
        mine = client.introspects or claims.get("client_id") == client.id
        if not mine or authority.revocations.revoked(str(claims.get("jti", "")), str(claims["sub"]), claims["iat"]):
            return _INACTIVE
        if await is_of_leaver(authority, claims, now):
            return _INACTIVE
        kind = "DPoP" if "cnf" in claims else "Bearer"
        return {"active": True, "token_type": kind, **{name: claims[name] for name in _TOLD if name in claims}}
    refresh = await authority.store.find_refresh(hashed(token))
    if refresh is None or refresh.granted.client != client.id or not await _alive(authority, refresh, now):
        return _INACTIVE
    granted = refresh.granted
    told = {"client_id": client.id, "scope": granted.scope, "sub": granted.subject, "iss": authority.issuer}
    return {"active": True, **told, "exp": min(refresh.expires, refresh.ends) // SECOND}


async def revoked(authority: Authority, client: Client, token: str, now: int) -> Granted | None:
    """Revoke a token of ``client``; with a refresh token goes all that came from the same authorization.

    Return what had been granted where that is known. A token that is unknown, over, or another client's is left as it is.
    """
    refresh = await authority.store.find_refresh(hashed(token))
    if refresh is not None:
        if refresh.granted.client != client.id:
            return None
        await authority.store.revoke_family(refresh.family, now)
        await authority.revocations.look(now)
        return refresh.granted
    claims = _claims(authority, token, now)
    if claims is None or claims.get("client_id") != client.id or "jti" not in claims:
        return None
    await authority.store.revoke_token(str(claims["jti"]), now, expiry(claims))
    await authority.revocations.look(now)
    return Granted(client.id, str(claims["sub"]), str(claims.get("role", "")), "", purpose=str(claims.get("purpose", "")))


def _claims(authority: Authority, token: str, now: int) -> dict[str, Any] | None:
    try:
        return verify(token, authority.ring.verifying, Expected(authority.issuer, authority.audience), now)
    except Unauthorized:
        return None


async def _alive(authority: Authority, token: RefreshToken, now: int) -> bool:
    if token.used or now >= min(token.expires, token.ends):
        return False
    granted = token.granted
    if await authority.store.is_revoked(token.family, granted.subject, granted.authenticated):
        return False
    return not await has_left(authority, granted.subject, granted.organisation, now)
