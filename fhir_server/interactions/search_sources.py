"""Searching a federated type: the sources are asked at the moment of the request, and nothing of their answer is kept."""

from collections.abc import Iterator

from fhir_server.errors import BadRequest
from fhir_server.federation.merge import Merged
from fhir_server.federation.outcome import HEADER, completeness, failure, outcome
from fhir_server.federation.select import included, matches
from fhir_server.interactions.ask_sources import Asked, ask_sources
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.parameters import asked, self_link, warnings
from fhir_server.model.bundle import Entry, Mode, searchset
from fhir_server.model.json import write
from fhir_server.search.extract import extract
from fhir_server.search.include import targets
from fhir_server.search.match import matches as holds
from fhir_server.search.search import Search
from fhir_server.search.tree import And, Node, ReferenceTo

_ABOUT = {"patient", "subject", "beneficiary"}


async def search(call: Call) -> Answer:
    """Answer a searchset of what the sources hold about one patient; whole, since pages would ask every source again.

    200 as soon as one source answered, with an outcome entry in front and no total when others did not; SourcesTimedOut or
    SourcesFailed when nobody did.
    """
    wanted, _ = asked(call)
    patient = _patient(wanted.query.where)
    found = await ask_sources(call, patient)
    error = failure(found.answers)
    if error is not None:
        error.headers = ((HEADER.encode(), b"none"),)
        raise error
    hits = _matches(call, wanted, found)
    whole = completeness(found.answers) == "complete"
    shown = () if wanted.count_only else hits
    entries = [*_outcome(found), *_entries(call, shown, "match"), *_included(call, wanted, shown, found), *warnings(wanted)]
    body = searchset(entries, [self_link(call, wanted)], len(hits) if whole and wanted.total != "none" else None)
    headers = ((HEADER, completeness(found.answers)), ("cache-control", "private, no-store"))
    return Answer(200, body, headers, dossier=patient)


def _patient(where: Node) -> str:
    parts = where.parts if isinstance(where, And) else (where,)
    found = {part.target for part in parts if isinstance(part, ReferenceTo) and part.param in _ABOUT}
    if len(found) != 1 or not (patient := found.pop()).startswith("Patient/"):
        raise BadRequest(
            "This type is asked from source systems: say about which one patient, with patient=[id].", detail="patient-needed"
        )
    return patient


def _matches(call: Call, wanted: Search, found: Asked) -> tuple[Merged, ...]:
    entry, query = call.entry, wanted.query
    return matches(
        found.merged,
        call.type,
        lambda resource: holds(query.where, resource, entry, call.services.base),
        lambda resource: extract(resource, entry, call.services.base).sort,
        descending=query.sort.descending,
    )


def _outcome(found: Asked) -> Iterator[Entry]:
    told = outcome(found.answers)
    if told is not None:
        yield Entry("", write(told), "outcome")


def _included(call: Call, wanted: Search, shown: tuple[Merged, ...], found: Asked) -> Iterator[Entry]:
    if not wanted.includes:
        return iter(())
    services = call.services
    follow = included(shown, found.merged, lambda each: targets([each], wanted.includes, services.catalog, services.base))
    return _entries(call, follow, "include")


def _entries(call: Call, merged: tuple[Merged, ...], mode: Mode) -> Iterator[Entry]:
    return (Entry(f"{call.services.base}/{each.reference}", write(each.resource), mode) for each in merged)
