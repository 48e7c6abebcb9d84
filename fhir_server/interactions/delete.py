"""The delete interaction (https://hl7.org/fhir/R4/http.html#delete)."""

from dataclasses import replace

from fhir_server.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from fhir_server.interactions import conditional, subscription
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.integrity import links
from fhir_server.interactions.next_version import require_unmodified, store
from fhir_server.interactions.write import Write, commit, content, indexed, written
from fhir_server.model.meta import etag, names_version
from fhir_server.network.consent import rules
from fhir_server.storage.consent_rule import withdrawn
from fhir_server.storage.repository import Change, Grant, VersionConflict


async def delete(call: Call) -> Answer:
    """Mark the resource as deleted; its versions stay in the history. 204, also when it was deleted before.

    Raises Conflict while others refer to it (https://hl7.org/fhir/R4/http.html#delete leaves that to the server).
    A call without an id is a conditional delete: its parameters name the resource. 204 also when nothing matches, for then it is as
    it was to be; PreconditionFailed when several match: more than one is never deleted.
    """
    grant = call.services.gate.grant(call.actor, "delete", call.type)
    if not call.id:
        return await store(call, grant, prepare)
    try:
        return await commit(call, grant, await prepare(call, grant))
    except VersionConflict as error:
        raise Conflict("Somebody changed this resource at the same moment. Send the request again.") from error


async def prepare(call: Call, grant: Grant, known: Resolved | None = None) -> Write:
    """Check the deletion against what is stored now.

    ``known`` is what the criteria of a conditional delete came to, where that has been looked up already.
    """
    if known or conditional.is_conditional(call):
        return await _conditional(call, grant, known or await conditional.resolved(call))
    stored = await call.services.repository.read(grant, call.type, call.id)
    if stored is None:
        raise NotFound("No such resource. Check the type and the id.")
    call.touched.find([stored])
    if not stored.visible:
        raise Forbidden(OUTSIDE)
    wanted = call.headers.get("if-match")
    if wanted and (not names_version(wanted, stored.version) or (stored.deleted and wanted.strip() == "*")):
        raise PreconditionFailed("If-Match names another version than the current one. Read the resource again.")
    require_unmodified(call, stored)
    if stored.deleted:
        return Write(None, Answer(204, id=call.id, version=stored.version))
    before = content(stored)
    left = withdrawn(rules(before, call.services.base, call.now, stored.version)) if before and call.type == "Consent" else ()
    gone = Change(call.type, call.id, stored.version, call.now, b"", None, indexed(call, before), rules=left, links=links(call))
    if call.type == subscription.TYPE:
        gone = replace(gone, subscription=subscription.ended(call.id))
    answer = written(call, gone, 204)
    answer.headers = (("etag", etag(answer.version)),)
    return Write(gone, answer)


async def _conditional(call: Call, grant: Grant, known: Resolved) -> Write:
    found = known.found
    if found is None:
        return Write(None, Answer(204))
    return conditional.require_still(await prepare(replace(call, id=found.id), grant), found)
