"""The update interaction, with create on update (https://hl7.org/fhir/R4/http.html#update)."""

from fhir_server.errors import BadRequest, Conflict, Forbidden, PreconditionFailed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import version_headers
from fhir_server.interactions.write import change, checked, commit, preferred
from fhir_server.model.body import OWN
from fhir_server.model.json import Document, read
from fhir_server.model.meta import version_of
from fhir_server.storage.repository import Stored, VersionConflict

_ATTEMPTS = 5


async def update(call: Call) -> Answer:
    """Store the next version; 201 for a new id, 200 otherwise; what changes nothing keeps its version.

    Raises PreconditionFailed when ``If-Match`` names another version than the stored one, Conflict when others keep writing.
    """
    grant = call.services.gate.grant(call.actor, "update", call.type)
    document = checked(call)
    if document.resource.get("id") != call.id:
        raise BadRequest("The id in the body must be the id in the URL.", expression=f"{call.type}.id")
    for _ in range(_ATTEMPTS):
        stored = await call.services.repository.read(grant, call.type, call.id)
        _check(call, stored)
        if stored and not stored.deleted and _same(document, stored):
            return _answer(
                call, Answer(200, b"", version_headers(stored.version, stored.updated), stored.id, stored.version), stored.body
            )
        made = change(call, document, call.id, stored)
        try:
            answer = await commit(call, grant, made, 200 if made.previous else 201)
        except VersionConflict:
            continue
        return _answer(call, answer, made.body)
    raise Conflict("Others are changing this resource at the same moment. Read it again, then send your change with If-Match.")


def _check(call: Call, stored: Stored | None) -> None:
    if stored is None:
        call.services.gate.grant(call.actor, "create", call.type)
    elif not stored.visible:
        raise Forbidden("This resource lies outside the dossiers that you take part in.")
    wanted = call.headers.get("if-match")
    if wanted and (stored is None or stored.deleted or version_of(wanted) != stored.version):
        raise PreconditionFailed("If-Match names another version than the current one. Read the resource again.")


def _same(document: Document, stored: Stored) -> bool:
    current = read(stored.body, OWN).resource
    return _content(current) == _content(document.resource)


def _content(resource: dict[str, object]) -> dict[str, object]:
    meta = resource.get("meta")
    kept = {k: v for k, v in meta.items() if k not in {"versionId", "lastUpdated"}} if isinstance(meta, dict) else {}
    return {**resource, "meta": kept}


def _answer(call: Call, answer: Answer, body: bytes) -> Answer:
    if answer.status == 201:  # noqa: PLR2004 - Created
        answer.headers = (*answer.headers, ("location", f"{call.services.base}/{call.type}/{answer.id}/_history/{answer.version}"))
    answer.body = preferred(call, body)
    return answer
