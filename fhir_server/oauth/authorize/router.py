"""Where the pages are: the routes below ``/oauth`` that a browser visits, and ``/oauth/launch``."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import Response

from fhir_server.oauth.authorize import apps, development, external, flow, launch, login
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.form import Form, read_form
from fhir_server.oauth.authorize.oidc.client import OidcClient
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.authorize.request import Shown
from fhir_server.storage.repository import StorageFull, Unavailable

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger("fhir_server.oauth")


def router(desk: Desk, oidc: OidcClient) -> APIRouter:
    """Return the routes; every failure that is nobody's fault but ours or the caller's becomes a page."""
    routes = APIRouter()

    def route(path: str, methods: list[str], handler: Handler) -> None:
        async def answer(request: Request) -> Response:
            return await _told(desk, request, handler)

        routes.add_api_route(path, answer, methods=methods, include_in_schema=False, response_model=None)

    def posted(path: str, handler: Callable[[Desk, Request, Form], Awaitable[Response]]) -> None:
        async def read(request: Request) -> Response:
            return await handler(desk, request, await read_form(request))

        route(path, ["POST"], read)

    def at_provider(path: str, handler: Callable[[Desk, OidcClient, Request, Provider], Awaitable[Response]]) -> None:
        route(path, ["GET"], lambda request: handler(desk, oidc, request, _provider(desk, request)))

    route("/oauth/authorize", ["GET", "POST"], lambda request: flow.authorize(desk, request))
    posted("/oauth/login/development", development.log_in)
    posted("/oauth/login/person", login.choose_person)
    at_provider("/oauth/login/{provider}", external.leave)
    at_provider("/oauth/login/{provider}/callback", external.come_back)
    route("/oauth/apps", ["GET"], lambda request: apps.show_apps(desk, request, withdrawn="withdrawn" in request.query_params))
    posted("/oauth/apps", apps.withdraw)
    route("/oauth/logout", ["GET"], lambda request: apps.ask_to_log_out(desk, request))
    posted("/oauth/logout", apps.log_out)
    route("/oauth/launch", ["POST"], lambda request: launch.make_handle(desk, request))
    return routes


async def _told(desk: Desk, request: Request, handler: Handler) -> Response:
    request.state.id = desk.authority.new_id()
    if desk.closed:
        return desk.shown(request, "needs-https", 403)
    try:
        return await handler(request)
    except Shown as shown:
        _log.info("a page of refusal", extra={"why": shown.text, "request": request.state.id})
        return desk.shown(request, shown.text, shown.status)
    except (Unavailable, StorageFull) as error:
        _log.warning("the store failed", extra={"error": type(error).__name__, "request": request.state.id})
        return desk.shown(request, "unavailable", 503)


def _provider(desk: Desk, request: Request) -> Provider:
    provider = desk.providers.get(request.path_params["provider"])
    if provider is None:
        raise Shown("not-found", 404)
    return provider
