"""The update interaction, with create on update, conditional or not (https://hl7.org/fhir/R4/http.html#update)."""

from dataclasses import replace

from fhir_server.errors import BadRequest, Conflict, Forbidden
from fhir_server.interactions import conditional
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.next_version import following, require_match, store
from fhir_server.interactions.route import is_bsn
from fhir_server.interactions.write import OUTSIDE, Write, checked
from fhir_server.model.json import Document
from fhir_server.storage.repository import Grant, Stored


async def update(call: Call) -> Answer:
    """Store the next version; 201 for a new id, 200 otherwise; what changes nothing keeps its version.

    A call without an id is a conditional update: its parameters name the resource. Raises PreconditionFailed when several match or
    ``If-Match`` names another version than the stored one, Conflict when others keep writing.
    """
    return await store(call, call.services.gate.grant(call.actor, "update", call.type), prepare)


async def prepare(call: Call, grant: Grant) -> Write:
    """Check the next version against the one that is stored now."""
    if not call.id:
        return await _conditional(call, grant)
    document = checked(call)
    if document.resource.get("id") != call.id:
        raise BadRequest("The id in the body must be the id in the URL.", expression=f"{call.type}.id")
    return _next(call, document, await _stored(call, grant))


async def _conditional(call: Call, grant: Grant) -> Write:
    criteria = conditional.of_url(call)
    document = checked(call)
    found = await conditional.resolve(call, criteria)
    given = document.resource.get("id")
    if found is None:
        new = replace(call, id=_new_id(call, given))
        stored = await _stored(new, grant)
        if stored is not None and not stored.deleted:
            text = "The resource with the id in the body does not match the criteria. Leave out the id, or update by id."
            raise Conflict(text, expression=f"{call.type}.id", detail="id-in-use")
        return _next(new, document, stored)._replace(unmatched=[criteria])
    if given not in {None, found.id}:
        raise BadRequest("The id in the body is not that of the resource that matches.", expression=f"{call.type}.id")
    matched = replace(call, id=found.id)
    return conditional.require_still(_next(matched, document, await _stored(matched, grant)), found)


def _new_id(call: Call, given: object) -> str:
    if not isinstance(given, str):
        return call.services.new_id()
    if is_bsn(given):
        raise BadRequest("A BSN is no id: it would stand in URLs.", expression=f"{call.type}.id", detail="bsn-in-url")
    return given


async def _stored(call: Call, grant: Grant) -> Stored | None:
    """Return what is stored under the id of ``call``; raises Forbidden unless it may be changed, or made if there is nothing."""
    stored = await call.services.repository.read(grant, call.type, call.id)
    if stored is None:
        call.services.gate.grant(call.actor, "create", call.type)
    elif not stored.visible:
        raise Forbidden(OUTSIDE)
    return stored


def _next(call: Call, document: Document, stored: Stored | None) -> Write:
    require_match(call, stored)
    return following(call, document, stored)
