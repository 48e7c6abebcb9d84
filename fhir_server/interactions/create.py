"""The create interaction (https://hl7.org/fhir/R4/http.html#create)."""

from fhir_server.errors import BadRequest, Conflict
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.write import change, checked, commit, preferred
from fhir_server.storage.repository import VersionConflict


async def create(call: Call) -> Answer:
    """Store a new resource under an id of ours; 201 with Location, ETag and Last-Modified."""
    if "if-none-exist" in call.headers:
        raise BadRequest("Conditional create is not supported: search first, then create.", detail="conditional-not-supported")
    grant = call.services.gate.grant(call.actor, "create", call.type)
    document = checked(call)
    made = change(call, document, call.services.new_id(), None)
    try:
        answer = await commit(call, grant, made, 201)
    except VersionConflict as error:
        raise Conflict("The new id is already taken. Send the request again.") from error
    answer.headers = (*answer.headers, ("location", f"{call.services.base}/{made.reference}/_history/1"))
    answer.body = preferred(call, made.body)
    return answer
