"""Where the pages of MedMij are; every failure that is nobody's fault but ours or the caller's becomes a page."""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import Response

from fhir_server.medmij.authorize.flow import authorize
from fhir_server.medmij.door import AUTHORIZE, Door
from fhir_server.oauth.authorize.request import Shown
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
        return await authorize(door, request)
    except Shown as shown:
        _log.info("a page of refusal", extra={"why": shown.text, "request": request.state.id})
        await door.desk.record(request, None, "authorize", shown.status, detail=shown.text)
        return door.fault(request, shown.text, shown.status)
    except (Unavailable, StorageFull) as error:
        _log.warning("the store failed", extra={"error": type(error).__name__, "request": request.state.id})
        return door.fault(request, "unavailable", 503)
