"""Searching a federated type: the sources are asked at the moment of the request, and nothing of their answer is kept."""

from fhir_server.errors import BadRequest
from fhir_server.federation.merge import Merged
from fhir_server.federation.outcome import HEADER, completeness, failure, outcome
from fhir_server.federation.select import included, matches
from fhir_server.interactions.ask_sources import Asked, ask_sources
from fhir_server.interactions.both_page import Page, page_of
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.read_page import Read
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.subsets import of_search
from fhir_server.model import bundle
from fhir_server.model.bsn import is_bsn
from fhir_server.model.json import write
from fhir_server.search.include import targets
from fhir_server.search.match import matches as holds
from fhir_server.search.order import in_order, places
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.subset import Subset
from fhir_server.search.tree import And, Node, Query, ReferenceTo, Snapshot

_ABOUT = {"patient", "subject", "beneficiary"}
_NOTHING = Read((), None, Snapshot(0))
"""What the own store holds of a type that is never kept."""
_EMPTY = Page((), None)


async def search(call: Call) -> Answer:
    """Answer a searchset of what the sources hold about one patient, in pages: each asks every source again.

    200 as soon as one source answered, with an outcome entry in front and no total when others did not; SourcesTimedOut or
    SourcesFailed when nobody did.
    """
    wanted, position = asked(call)
    wanted, subset = of_search(call, wanted)
    _refuse_links(wanted)
    patient = _patient(wanted.query.where)
    found = await ask_sources(call, patient)
    error = failure(found.answers)
    if error is not None:
        error.headers = ((HEADER.encode(), b"none"),)
        raise error
    wanted = await without_links(call, with_sealed(call, wanted), found.merged)
    hits = matching(call, wanted.query, found)
    page = _EMPTY if wanted.count_only else page_of(call, wanted.query, _NOTHING, hits, position, again=True)
    beside = along(call, wanted, page.sources, found)
    entries = [*missing(found), *entries_of(call, page.sources, "match", subset), *entries_of(call, beside, "include", subset)]
    whole = completeness(found.answers) == "complete"
    total = len(hits) if whole and wanted.total != "none" else None
    body = bundle.searchset([*entries, *warnings(wanted)], [self_link(call, wanted), *_next(call, wanted, page)], total)
    headers = ((HEADER, completeness(found.answers)),)
    return Answer(200, body, headers, dossier=patient, keep=False)


def _next(call: Call, wanted: Search, page: Page) -> list[bundle.Link]:
    if page.left is None:
        return []
    position = Position(call.place, wanted.parameters, page.left.cursor, beside=page.left.beside)
    return [next_link(call, position)]


def named(where: Node) -> set[str]:
    """Return whom a search says that it is about ("Type/id")."""
    parts = where.parts if isinstance(where, And) else (where,)
    return {part.target for part in parts if isinstance(part, ReferenceTo) and part.param in _ABOUT}


def _patient(where: Node) -> str:
    found = named(where)
    if len(found) != 1 or not (patient := found.pop()).startswith("Patient/"):
        raise BadRequest(
            "This type is asked from source systems: say about which one patient, with patient=[id].", detail="patient-needed"
        )
    if is_bsn(patient.partition("/")[2]):
        raise BadRequest("A BSN is the id of no patient. Look for the patient with POST Patient/_search.", detail="bsn-in-url")
    return patient


def _refuse_links(wanted: Search) -> None:
    if wanted.reverse or any(include.iterate for include in wanted.includes):
        text = "'_revinclude' and ':iterate' are not supported for types that are asked from source systems."
        raise BadRequest(text, detail="search-not-supported")


def matching(call: Call, query: Query, found: Asked) -> tuple[Merged, ...]:
    """Return what the sources answered that matches ``query``, in its order."""
    entry, sort = call.entry, query.sort
    key = in_order(sort)
    return matches(
        found.merged,
        call.type,
        lambda resource: holds(query.where, resource, entry, call.services.base),
        lambda resource: key((places(resource, sort, entry, call.services.base), 0)),
    )


def missing(asked_: Asked, own: int = 0) -> list[bytes]:
    """Return the entry that tells which sources are missing, none when none is; ``own`` is 1 when the own store is one of them."""
    told = outcome(asked_.answers, own)
    return [] if told is None else [bundle.outcome(write(told))]


def along(call: Call, wanted: Search, shown: tuple[Merged, ...], asked_: Asked) -> tuple[Merged, ...]:
    """Return what the sources sent along with those ``shown`` that ``wanted`` includes."""
    if not wanted.includes:
        return ()
    services = call.services
    return included(shown, asked_.merged, lambda each: targets([each], wanted.includes, services.catalog, services.base))


def entries_of(call: Call, merged: tuple[Merged, ...], mode: bundle.Mode, subset: Subset) -> list[bytes]:
    """Return an entry for each of ``merged``, with the part of it that ``subset`` shows."""
    shown = ((each.type, each.id, subset.of(write(each.resource), each.type, match=mode == "match")) for each in merged)
    return bundle.found(call.services.base, shown, mode)
