"""The create interaction, conditional or not (https://hl7.org/fhir/R4/http.html#create)."""

from fhir_server.errors import BadRequest, Conflict
from fhir_server.interactions import conditional
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.next_version import store
from fhir_server.interactions.read import version_headers
from fhir_server.interactions.write import Write, change, checked, commit, location, preferred, written
from fhir_server.storage.repository import Grant, Stored, VersionConflict


async def create(call: Call) -> Answer:
    """Store a new resource under an id of ours; 201 with Location, ETag and Last-Modified.

    With ``If-None-Exist``, or criteria in the URL: 200 with the resource that matches, which stays as it is; PreconditionFailed
    when several do.
    """
    grant = call.services.gate.grant(call.actor, "create", call.type)
    if conditional.asked_of_create(call):
        return await store(call, grant, prepare_unless_exists)
    try:
        return await commit(call, grant, prepare(call, call.services.new_id()))
    except VersionConflict as error:
        raise Conflict("The new id is already taken. Send the request again.") from error


def prepare(call: Call, id_: str) -> Write:
    """Check what is to be stored under the new id ``id_``; the gate must have granted it."""
    if "if-none-exist" in call.headers:
        raise BadRequest("Conditional create is not possible here: search first, then create.", detail="conditional-not-supported")
    return _new(call, id_)


async def prepare_unless_exists(call: Call, _: Grant) -> Write:
    """Check what is to be stored if nothing matches the criteria, under the id of ``call`` or, without one, a new id."""
    criteria = conditional.of_create(call)
    found = await conditional.resolve(call, criteria)
    if found is not None:
        return Write(None, _existing(call, found))
    return _new(call, call.id or call.services.new_id())._replace(unmatched=[criteria])


def _new(call: Call, id_: str) -> Write:
    made = change(call, checked(call), id_, None)
    answer = written(call, made, 201)
    answer.body = preferred(call, made.body)
    return Write(made, answer)


def _existing(call: Call, found: Stored) -> Answer:
    headers = (*version_headers(found.version, found.updated), location(call, found.id, found.version))
    return Answer(200, preferred(call, found.body), headers, found.id, found.version, updated=found.updated)
