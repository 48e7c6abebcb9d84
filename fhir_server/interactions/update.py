"""The update interaction, with create on update, conditional or not (https://hl7.org/fhir/R4/http.html#update)."""

from dataclasses import replace

from fhir_server.errors import BadRequest, Conflict, Forbidden
from fhir_server.interactions import conditional
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.next_version import following, require_match, store
from fhir_server.interactions.write import Write, checked
from fhir_server.model.bsn import is_bsn
from fhir_server.model.json import Document
from fhir_server.storage.repository import Grant, Stored


async def update(call: Call) -> Answer:
    """Store the next version; 201 for a new id, 200 otherwise; what changes nothing keeps its version.

    A call without an id is a conditional update: its parameters name the resource. Raises PreconditionFailed when several match or
    ``If-Match`` names another version than the stored one, Conflict when others keep writing.
    """
    return await store(call, call.services.gate.grant(call.actor, "update", call.type), prepare)


async def prepare(call: Call, grant: Grant, known: Resolved | None = None) -> Write:
    """Check the next version against the one that is stored now.

    ``known`` is what the criteria of a conditional update came to, where that has been looked up already.
    """
    if known or conditional.is_conditional(call):
        return await _conditional(call, grant, known or await conditional.resolved(call))
    document = checked(call)
    if document.resource.get("id") != call.id:
        raise BadRequest("The id in the body must be the id in the URL.", expression=f"{call.type}.id")
    return _next(call, document, await _stored(call, grant))


async def _conditional(call: Call, grant: Grant, known: Resolved) -> Write:
    criteria, found = known
    document = checked(call)
    given = document.resource.get("id")
    if found is None:
        new = call if call.id else replace(call, id=new_id(call, given))
        stored = await _stored(new, grant)
        if stored is not None and not stored.deleted:
            text = "The resource with the id in the body does not match the criteria. Leave out the id, or update by id."
            raise Conflict(text, expression=f"{call.type}.id", detail="id-in-use")
        return _next(new, document, stored)._replace(unmatched=[criteria])
    if given not in {None, found.id}:
        raise BadRequest("The id in the body is not that of the resource that matches.", expression=f"{call.type}.id")
    matched = replace(call, id=found.id)
    return conditional.require_still(_next(matched, document, await _stored(matched, grant)), found)


def new_id(call: Call, given: object) -> str:
    """Return the id for what matches nothing yet: that ``given`` in the body, else a new one; raises BadRequest for a BSN."""
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
        call.touched.find([stored])
        raise Forbidden(OUTSIDE)
    return stored


def _next(call: Call, document: Document, stored: Stored | None) -> Write:
    require_match(call, stored)
    return following(call, document, stored)
