"""Launch from within a record system (https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch).

``POST /oauth/launch`` gives the record system a handle for one patient and one user; the app brings it along as ``launch``. The
handle is sealed, so that nothing of it is stored until it is used; then its hash is, and it is good no more.
"""

from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from fhir_server.access.actor import Actor
from fhir_server.errors import BadRequest, FhirError, Forbidden
from fhir_server.model import reference
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.people import ROLES
from fhir_server.oauth.authorize.sealed import MINUTE, used_first
from fhir_server.oauth.store import SECOND

KEPT = 5 * MINUTE
_LARGEST = 4_096
_MAKERS = frozenset({"system", "practitioner"})
_OWN = frozenset({"patient", "user"})


async def make_handle(desk: Desk, request: Request) -> Response:
    """Answer ``POST /oauth/launch`` with JSON: the handle and for how many seconds it is good."""
    actor, patient = None, ""
    try:
        actor = await desk.authenticate(request)
        patient, user = _read(await _body(request), actor)
        await _check(desk, patient, user)
    except FhirError as error:
        await desk.record(request, actor, "launch", error.status, patient=patient)
        headers = {name.decode(): value.decode() for name, value in error.headers}
        return JSONResponse(
            {"error": _ERRORS.get(error.status, "invalid_request"), "error_description": error.text}, error.status, headers
        )
    now = desk.authority.clock()
    handle = desk.sealed.seal("launch", {"patient": patient, "user": user}, now + KEPT)
    await desk.record(request, actor, "launch", 201, patient=patient)
    return JSONResponse({"launch": handle, "expires_in": KEPT // SECOND}, 201, {"Cache-Control": "no-store"})


_ERRORS = {401: "invalid_token", 403: "access_denied"}


def launched(desk: Desk, handle: str, user: str) -> str:
    """Return the patient ("Patient/id") that ``handle`` was made for, "" when it is not good, or was made for somebody else."""
    values = desk.sealed.opened("launch", handle, desk.authority.clock())
    return str(values["patient"]) if values is not None and values["user"] == user else ""


async def use_handle(desk: Desk, handle: str) -> bool:
    """Use a handle up; tell whether it had not been used before."""
    now = desk.authority.clock()
    return await used_first(desk.authority.store, handle, now + KEPT, now)


async def _body(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise BadRequest(f"The body is above {_LARGEST} bytes.")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest("The body is no JSON.") from error
    if not isinstance(found, dict) or found.keys() - _OWN:
        raise BadRequest('The body must be a JSON object: {"patient": "Patient/id", "user": "Practitioner/id"}.')
    return found


def _read(body: dict[str, Any], actor: Actor) -> tuple[str, str]:
    if actor.role not in _MAKERS:
        raise Forbidden("Only the roles system and practitioner may launch an app.")
    patient = _reference(body.get("patient"), {"Patient"}, "patient")
    if actor.role == "system":
        return patient, _reference(body.get("user"), set(ROLES), "user")
    if body.get("user", actor.reference) != actor.reference:
        raise Forbidden("A practitioner launches an app for themselves; leave user out.")
    return patient, actor.reference


def _reference(text: Any, types: set[str], name: str) -> str:  # noqa: ANN401 - JSON
    found = reference.parse(text) if isinstance(text, str) else None
    if found is None or found.version or found.type not in types:
        raise BadRequest(f"{name} must be a reference to a {' or '.join(sorted(types))}, such as {min(types)}/id.")
    return str(found)


async def _check(desk: Desk, patient: str, user: str) -> None:
    person = await desk.people.known(user)
    actor = await desk.people.actor(person.reference, person.role) if person else None
    if actor is None or await desk.people.dossier(actor, patient) is None:
        raise Forbidden("The user has no access to the dossier of this patient.")
