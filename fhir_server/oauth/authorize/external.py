"""Login at an external provider: there with one request, back with another."""

import logging
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from fhir_server.errors import FhirError
from fhir_server.oauth.authorize.cookies import LARGEST
from fhir_server.oauth.authorize.desk import Desk, request_id
from fhir_server.oauth.authorize.elsewhere import is_elsewhere
from fhir_server.oauth.authorize.login import failed, welcome
from fhir_server.oauth.authorize.oidc.client import Attempt, Cancelled, OidcClient
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.people import Person
from fhir_server.oauth.authorize.request import LONGEST_QUERY, Parameters, Refused, Shown
from fhir_server.oauth.authorize.sealed import MINUTE, used_first
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.remote import RemoteFailed
from fhir_server.oauth.store import SECOND

KEPT = 10 * MINUTE
_ANSWER = ("state", "iss", "code", "error")
_log = logging.getLogger("fhir_server.oauth")


async def leave(desk: Desk, oidc: OidcClient, request: Request, provider: Provider) -> Response:
    """Send the browser to ``provider``; what must come back stands in a cookie that only we can read."""
    if (page := desk.wait(request)) is not None:
        return page
    following = request.query_params.get("next", "")
    if len(following) > LONGEST_QUERY:
        raise Shown("bad-request", 414)
    attempt = Attempt.begin(provider, following)
    sealed = desk.sealed.seal("oidc", attempt.values(), desk.authority.clock() + KEPT)
    if len(sealed) > LARGEST:
        raise Shown("bad-request", 414)
    try:
        page = redirect(await oidc.address(provider, attempt, again=_again(desk, following)))
    except RemoteFailed as error:
        return await _failed(desk, request, provider, str(error))
    desk.cookies.put(page, "oidc", sealed, KEPT // SECOND)
    if not desk.cookies.get(request, "login"):
        desk.cookies.put(page, "login", fresh_secret(), KEPT // SECOND)
    return page


async def come_back(desk: Desk, oidc: OidcClient, request: Request, provider: Provider) -> Response:
    """Log in whom ``provider`` recognised; each attempt comes back once."""
    if (page := desk.wait(request)) is not None:
        return page
    page = await _come_back(desk, oidc, request, provider)
    desk.cookies.drop(page, "oidc")
    return page


async def _come_back(desk: Desk, oidc: OidcClient, request: Request, provider: Provider) -> Response:
    now = desk.authority.clock()
    sealed = desk.cookies.get(request, "oidc")
    values = desk.sealed.opened("oidc", sealed, now)
    if values is None or not await used_first(desk.authority.store, sealed, now + KEPT, now):
        return await _failed(desk, request, provider, "no login was begun in this browser, or it was finished before")
    attempt = Attempt(**values)
    try:
        claims = await oidc.claims(provider, attempt, _answer(request))
    except Cancelled:
        await failed(desk, request, 401)
        return desk.shown(request, "provider-cancelled", 401, provider=provider.name)
    except FhirError as error:
        return await _failed(desk, request, provider, error.issues[0].detail)
    except (RemoteFailed, Refused) as error:
        return await _failed(desk, request, provider, str(error))
    people = await people_of(desk, provider, claims)
    if not people:
        _log.warning("nobody has the identifier of a login", extra={"provider": provider.id, "request": request_id(request)})
        await failed(desk, request, 403)
        return desk.shown(request, "nobody", 403, provider=provider.name)
    return await welcome(desk, request, people, attempt.next)


async def people_of(desk: Desk, provider: Provider, claims: dict[str, Any]) -> tuple[Person, ...]:
    """Return everyone in the dossier whom the verified ``claims`` mean."""
    value = claims.get(provider.claim)
    if not isinstance(value, str) or not value.strip():
        return ()
    if provider.kind == "reference":
        person = await desk.people.known(value)
        return (person,) if person else ()
    system, bar, rest = value.rpartition("|")
    if bar and system != provider.system:
        return ()
    return await desk.people.identified(provider.system, rest)


def _answer(request: Request) -> dict[str, str]:
    parameters = Parameters(request.url.query)
    return {name: value for name in _ANSWER if (value := parameters.get(name))}


def _again(desk: Desk, following: str) -> bool:
    """Tell whether the client wants the person to log in whatever there is; another door always does."""
    if is_elsewhere(desk.elsewhere, following):
        return True
    try:
        parameters = Parameters(following)
        return "login" in parameters.get("prompt").split() or bool(parameters.get("max_age"))
    except (Refused, Shown):
        return False


async def _failed(desk: Desk, request: Request, provider: Provider, why: str) -> Response:
    _log.warning("a login failed", extra={"provider": provider.id, "why": why, "request": request_id(request)})
    await failed(desk, request, 401)
    return desk.shown(request, "provider-failed", 401, provider=provider.name)
