"""``/medmij/token``: a code or a refresh token for an access token (Token interface, version 2.2.4).

https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/738296018
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from fhir_server.medmij import access_token
from fhir_server.medmij.access_token import AccessToken
from fhir_server.medmij.authorize.availability import available
from fhir_server.medmij.client import proven_client
from fhir_server.medmij.correlation import CORRELATION, uuid_in
from fhir_server.medmij.door import TOKEN, Door
from fhir_server.medmij.lists.oauth_clients import OAuthClient
from fhir_server.medmij.parties import client_of, is_indefinite, provider_in
from fhir_server.oauth.endpoint import Exchange
from fhir_server.oauth.grants import challenge_of
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.leavers import refuse_leaver
from fhir_server.oauth.oauth_error import OAuthError, invalid_grant
from fhir_server.oauth.posted import posted, required
from fhir_server.oauth.store import SECOND, AuthorizationCode, Granted, RefreshToken, hashed

IDLE: Final = 183 * 86_400 * SECOND
"""A refresh token is good for half a year, and brings the next one (Toestemmingsverklaring, version 2.2.4)."""
Form = Mapping[str, str]
Grant = Callable[[Door, Exchange, OAuthClient, Form], Awaitable[dict[str, Any]]]


def routes(door: Door) -> APIRouter:
    """Return the route of the endpoint."""
    router = APIRouter()

    @router.post(TOKEN)
    async def token(request: Request) -> Response:
        """Give an access token of MedMij."""
        return await Exchange(door.authority, "token", request).answer(partial(exchanged, door))

    return router


async def exchanged(door: Door, exchange: Exchange) -> dict[str, Any]:
    """Return the answer to one request; raises OAuthError. A code is spent when it is shown, whatever comes of it (tknint.204)."""
    await door.lists.refresh(exchange.now)
    form = await posted(exchange.request)
    exchange.detail = f"trace:{uuid_in(exchange.request.headers.get(CORRELATION, '')) or '-'}"
    try:
        client = proven_client(door, exchange.request, form, exchange.address, exchange.now)
        exchange.client = client.host
        return await _grant(required(form, "grant_type"))(door, exchange, client, form)
    except OAuthError:
        if "code" in form:
            await door.authority.store.spoil_code(hashed(form["code"]), exchange.now)
        raise


async def _code(door: Door, exchange: Exchange, client: OAuthClient, form: Form) -> dict[str, Any]:
    code, redirect_uri = required(form, "code"), required(form, "redirect_uri")
    taken = await door.authority.store.take_code(hashed(code), client_of(client.host), exchange.now)
    if not isinstance(taken, AuthorizationCode):
        await door.authority.revocations.look(exchange.now)
        text = "The code is unknown, has expired, was used before, or was given to another client."
        raise invalid_grant(text, "reused" if taken is not None else "")
    if taken.redirect_uri != redirect_uri:
        raise invalid_grant("The redirect_uri is not the one of the authorization request.")
    if taken.challenge and not compare_digest(challenge_of(_ascii(form.get("code_verifier", ""))), taken.challenge):
        raise invalid_grant("The code_verifier does not belong to the code_challenge of the authorization request.")
    body = await _answered(door, exchange, client, taken.granted, taken.family)
    if is_indefinite(taken.granted.scope.split()):
        secret = fresh_secret()
        first = RefreshToken(hashed(secret), taken.family, taken.granted, exchange.now + IDLE, exchange.now + IDLE)
        await door.authority.store.put_refresh(first)
        body["refresh_token"] = secret
    return body


async def _refresh(door: Door, exchange: Exchange, client: OAuthClient, form: Form) -> dict[str, Any]:
    store, now = door.authority.store, exchange.now
    found = await store.find_refresh(hashed(required(form, "refresh_token")))
    if found is None or found.granted.client != client_of(client.host):
        raise invalid_grant("The refresh token is unknown, or was given to another client.")
    body = await _answered(door, exchange, client, found.granted, found.family)
    secret = fresh_secret()
    following = replace(found, hash=hashed(secret), expires=now + IDLE, ends=now + IDLE, used=0)
    rotation = await store.rotate_refresh(found.hash, following, now)
    if rotation != "rotated":
        await door.authority.revocations.look(now)
        raise invalid_grant(
            "The refresh token has expired, was used before, or was revoked. Ask the client for consent again.", rotation
        )
    return {**body, "refresh_token": secret}


async def _answered(door: Door, exchange: Exchange, client: OAuthClient, granted: Granted, family: str) -> dict[str, Any]:
    authority, now = door.authority, exchange.now
    exchange.granted = granted
    await refuse_leaver(authority, granted, family, now)
    provider = provider_in(granted.scope)
    services = await granted_services(door, client, provider, granted.subject, now)
    exchange.detail = f"service:{provider} {exchange.detail}"
    token = AccessToken(
        id=await _new_id(door, family, now),
        host=client.host,
        patient=granted.subject,
        provider=provider,
        services=services,
        authenticated=granted.authenticated,
        issued=now,
    )
    return {
        "access_token": access_token.signed(token, authority.ring.signing(now), authority.issuer),
        "token_type": "Bearer",
        "expires_in": access_token.LIFETIME,
        "scope": " ".join(services),
    }


async def granted_services(door: Door, client: OAuthClient, provider: str, patient: str, now: int) -> tuple[str, ...]:
    """Return the services that the provider has for ``patient`` ("Patient/id") and the PGO can receive.

    Raises OAuthError (invalid_scope) where there is none.
    """
    known = door.registry.providers.get(provider)
    held = (await available(door.services, known, patient, now)).services if known else ()
    found = tuple(each for each in held if client.services is None or each in client.services)
    if not found:
        raise OAuthError("invalid_scope", "There is no data service that can be given.")
    return found


async def _new_id(door: Door, family: str, now: int) -> str:
    """Return the id of a new access token, which none had before (a duty since version 2.0.0)."""
    while True:
        id_ = f"{family}.{door.authority.new_id()}"
        if await door.authority.store.first_use(f"medmij:{id_}", now + access_token.LIFETIME * SECOND, now):
            return id_


def _grant(kind: str) -> Grant:
    if kind not in _GRANTS:
        raise OAuthError("unsupported_grant_type", f"The grant_type can be {', '.join(_GRANTS)}.")
    return _GRANTS[kind]


_GRANTS: Final[Mapping[str, Grant]] = {"authorization_code": _code, "refresh_token": _refresh}


def _ascii(text: str) -> str:
    return text if text.isascii() else ""
