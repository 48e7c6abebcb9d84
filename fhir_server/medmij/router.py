"""Where the pages of MedMij are; every failure that is nobody's fault but ours or the caller's becomes a page."""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import Response

from fhir_server.medmij.authorize.flow import authorize
from fhir_server.medmij.authorize.request import answered_at, correlation_of, read_parameters, state_of
from fhir_server.medmij.door import AUTHORIZE, NOWHERE, Back, Door
from fhir_server.oauth.authorize.request import Shown, answer_uri
from fhir_server.storage.repository import StorageFull, Unavailable

_log = logging.getLogger("fhir_server.medmij")


def routes(door: Door) -> APIRouter:
    """Return the route of the pages."""
    router = APIRouter()

    async def answer(request: Request) -> Response:
        return await _told(door, request)

    router.add_api_route(AUTHORIZE, answer, methods=["GET", "POST"], include_in_schema=False, response_model=None)
    return router


async def _told(door: Door, request: Request) -> Response:
    request.state.id = door.authority.new_id()
    if door.desk.closed:
        return door.fault(request, "needs-https", 403)
    try:
        return await _page(door, request)
    except (Unavailable, StorageFull) as error:
        _log.warning("the store failed", extra={"error": type(error).__name__, "request": request.state.id})
        return door.fault(request, "unavailable", 503, way_back(door, request.url.query, "temporarily_unavailable"))


async def _page(door: Door, request: Request) -> Response:
    try:
        return await authorize(door, request)
    except Shown as shown:
        _log.info("a page of refusal", extra={"why": shown.text, "request": request.state.id})
        await door.desk.record(request, None, "authorize", shown.status, detail=shown.text)
        return door.fault(request, shown.text, shown.status, way_back(door, request.url.query, "server_error"))


def way_back(door: Door, query: str, error: str) -> Back:
    """Return the way back to the PGO with ``error``, where a request with ``query`` says for certain who that is."""
    try:
        parameters = read_parameters(query)
        where = answered_at(parameters, door.lists)
    except Shown:
        return NOWHERE
    state = state_of(parameters)
    address = answer_uri(where.redirect_uri, {"error": error, **({"state": state} if state else {})})
    return Back(address, where.client.name, correlation_of(parameters))
