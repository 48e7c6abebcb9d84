"""The read interaction (https://hl7.org/fhir/R4/http.html#read)."""

from fhir_server.errors import Forbidden, Gone, NotFound
from fhir_server.federation.sealed_id import LENGTH
from fhir_server.interactions import published, read_source
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.out_of_reach import require_no_hiding
from fhir_server.interactions.subsets import shown
from fhir_server.model.meta import names_version, seconds_of, version_headers
from fhir_server.storage.repository import Stored

_MICROSECONDS = 1_000_000
DELETED = "This resource was deleted."


async def read(call: Call) -> Answer:
    """Answer the current version; 404 unknown, 410 deleted, 403 outside the caller's dossiers, 304 unchanged."""
    if call.entry.home == "published":
        return published.read(call)
    sealed = call.services.federation.seal.open_(call.id) if len(call.id) == LENGTH else None
    if call.entry.home == "federated" or (sealed and read_source.is_open(call)):
        return await read_source.read(call, sealed)
    grant = call.services.gate.grant(call.actor, "read", call.type)
    return answer(call, existing(call, await call.services.repository.read(grant, call.type, call.id)))


def existing(call: Call, stored: Stored | None, *, known: bool = False) -> Stored:
    """Return what may be shown; raises NotFound, Forbidden or Gone. ``known``: the caller sees that there is such a resource."""
    if call.type == "Patient":
        call.touched.ask(f"Patient/{call.id}")
    if stored is None:
        if not known:
            require_no_hiding(call)
        raise NotFound("No such resource. Check the type and the id.")
    call.touched.find([stored])
    if not stored.visible:
        raise Forbidden(OUTSIDE)
    if stored.deleted:
        raise Gone(DELETED)
    return stored


def answer(call: Call, stored: Stored) -> Answer:
    """Answer with ``stored``, or 304 when the caller already has it (RFC 9110 section 13.1)."""
    status, body = (304, b"") if _unchanged(call, stored) else (200, shown(call, stored.body))
    headers = version_headers(stored.version, stored.updated)
    whole = (body,) if body is stored.body else ()
    return Answer(status, body, headers, stored.id, stored.version, updated=stored.updated, stored=whole)


def _unchanged(call: Call, stored: Stored) -> bool:
    if "if-none-match" in call.headers and (tags := call.headers.get("if-none-match")):
        return names_version(tags, stored.version)
    since = seconds_of(call.headers.get("if-modified-since")) if "if-modified-since" in call.headers else None
    return since is not None and stored.updated // _MICROSECONDS <= since
