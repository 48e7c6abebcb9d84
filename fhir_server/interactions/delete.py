"""The delete interaction (https://hl7.org/fhir/R4/http.html#delete)."""

from fhir_server.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.write import commit, indexed
from fhir_server.model.meta import etag, version_of
from fhir_server.storage.repository import Change, VersionConflict


async def delete(call: Call) -> Answer:
    """Mark the resource as deleted; its versions stay in the history. 204, also when it was deleted before."""
    grant = call.services.gate.grant(call.actor, "delete", call.type)
    stored = await call.services.repository.read(grant, call.type, call.id)
    if stored is None:
        raise NotFound("No such resource. Check the type and the id.")
    if not stored.visible:
        raise Forbidden("This resource lies outside the dossiers that you take part in.")
    wanted = call.headers.get("if-match")
    if wanted and version_of(wanted) != stored.version:
        raise PreconditionFailed("If-Match names another version than the current one. Read the resource again.")
    if stored.deleted:
        return Answer(204, id=call.id, version=stored.version)
    gone = Change(call.type, call.id, stored.version, call.now, b"", None, indexed(call, stored))
    try:
        answer = await commit(call, grant, gone, 204)
    except VersionConflict as error:
        raise Conflict("Somebody changed this resource at the same moment. Send the request again.") from error
    answer.headers = (("etag", etag(answer.version)),)
    return answer
