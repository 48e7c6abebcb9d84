"""The create interaction, conditional or not (https://hl7.org/fhir/R4/http.html#create)."""

from fhir_server.interactions import conditional
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.next_version import store
from fhir_server.interactions.write import Write, change, checked, location, preferred, written
from fhir_server.model.meta import version_headers
from fhir_server.storage.repository import Grant, Stored


async def create(call: Call) -> Answer:
    """Store a new resource under an id of ours; 201 with Location, ETag and Last-Modified.

    With ``If-None-Exist``, or criteria in the URL: 200 with the resource that matches, which stays as it is; PreconditionFailed
    when several do.
    """
    return await store(call, call.services.gate.grant(call.actor, "create", call.type), prepare)


async def prepare(call: Call, _: Grant, known: Resolved | None = None) -> Write:
    """Check what is to be stored, under the id of ``call`` or, without one, a new id.

    ``known`` is what ``If-None-Exist`` came to, where that has been looked up already.
    """
    if known is None and conditional.is_conditional(call):
        known = await conditional.resolved(call)
    if known is None:
        return _new(call)
    if known.found is not None:
        return Write(None, _existing(call, known.found))
    return _new(call)._replace(unmatched=[known.criteria])


def _new(call: Call) -> Write:
    made = change(call, checked(call), call.id or call.services.new_id(), None)
    answer = written(call, made, 201)
    answer.body = preferred(call, made.body)
    return Write(made, answer)


def _existing(call: Call, found: Stored) -> Answer:
    headers = (*version_headers(found.version, found.updated), location(call, found.id, found.version))
    return Answer(200, preferred(call, found.body), headers, found.id, found.version, updated=found.updated)
