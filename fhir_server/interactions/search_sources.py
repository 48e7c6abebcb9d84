"""Searching a federated type: the sources are asked at the moment of the request, and nothing of their answer is kept."""

from asyncio import timeout_at
from collections.abc import Iterable, Sequence
from functools import partial

from adapters.contract import Resource
from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import BadRequest, SourcesTimedOut
from fhir_server.federation.merge import Merged
from fhir_server.federation.outcome import HEADER, completeness, failure, outcome
from fhir_server.federation.pace import as_list, emptied
from fhir_server.federation.select import Hit, included, matches
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions.ask_along import with_included
from fhir_server.interactions.ask_sources import Asked, ask_sources
from fhir_server.interactions.asking_once import asking_once
from fhir_server.interactions.both_page import Page, page_of
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.collected import total_of
from fhir_server.interactions.page_entries import beside
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.read_page import Read
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.subsets import of_search
from fhir_server.model import bundle
from fhir_server.model.bsn import is_bsn
from fhir_server.model.json import write
from fhir_server.search.extract import extract
from fhir_server.search.include import targets
from fhir_server.search.match import holds
from fhir_server.search.order import Places, places_of
from fhir_server.search.paging import Position
from fhir_server.search.search import Include, Search
from fhir_server.search.subset import Subset
from fhir_server.search.tree import And, Node, Query, ReferenceTo, Snapshot
from fhir_server.storage.repository import Stored

_ABOUT = {"patient", "subject", "beneficiary"}
_NOTHING = Read((), None, Snapshot(0))
"""What the own store holds of a type that is never kept."""
_EMPTY = Page((), None)
_WHOLE = Subset()
_TOO_MUCH = "What the sources gave could not be put in order in time. Ask for less, or try again later."


@undisturbed
async def search(call: Call) -> Answer:
    """Answer a searchset of what the sources hold about one patient, in pages: each asks every source again.

    200 as soon as one source answered, with an outcome entry in front and no total when others did not; SourcesTimedOut or
    SourcesFailed when nobody did.
    """
    wanted, position = asked(call)
    wanted, subset = of_search(call, wanted)
    _refuse_links(wanted)
    async with asking_once(call) as one:
        return await _answer(one, wanted, position, subset)


async def _answer(call: Call, wanted: Search, position: Position | None, subset: Subset) -> Answer:
    patient = call.collected.patient if call.collected else _patient(wanted.query.where)
    found = await ask_sources(call, patient, where=wanted.query.where)
    error = failure(found.answers)
    if error is not None:
        error.headers = ((HEADER.encode(), b"none"),)
        raise error
    wanted = await without_links(call, with_sealed(call, wanted), found.merged.values())
    hits = await matching(call, wanted.query, found)
    page = _EMPTY if wanted.count_only else page_of(wanted.query, _NOTHING, hits, position, again=True)
    found = await with_included(call, patient, wanted, page.sources, found)
    sent = along(call, wanted, page.sources, found)
    shown = await entries_of(call, page.sources, "match", subset)
    kept = await beside(call, wanted, [as_stored(each) for each in page.sources if wanted.includes], subset)
    entries = [*missing(found), *shown, *kept, *await entries_of(call, sent, "include", subset)]
    whole = completeness(found.answers) == "complete"
    total = len(hits) if whole and wanted.total != "none" else None
    total = total_of(total, call.collected, whole=page.left is None and position is None)
    body = bundle.searchset([*entries, *warnings(wanted)], [self_link(call, wanted), *_next(call, wanted, page)], total)
    await call.services.federation.pace.through(emptied(hits, found.merged))
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
    if wanted.reverse:
        text = "'_revinclude' is not supported for types that are asked from source systems."
        raise BadRequest(text, detail="search-not-supported")


async def matching(call: Call, query: Query, found: Asked) -> list[Hit]:
    """Return what the sources answered that matches ``query``, in its order.

    Raises SourcesTimedOut when that is not done within the budget.
    """
    entry, sort, base = call.entry, query.sort, call.services.base

    def wanted(one: Merged) -> bool:
        return holds(query.where, one.resource, entry, one.indexed or extract(one.resource, entry, base))

    def place(one: Merged) -> Places:
        return places_of(one.resource, sort, entry, one.indexed or extract(one.resource, entry, base))

    try:
        async with timeout_at(found.until):
            work = matches(found.merged.values(), call.type, wanted, place, sort)
            return await call.services.federation.pace.through(work)
    except TimeoutError:
        raise SourcesTimedOut(_TOO_MUCH) from None


def missing(asked_: Asked, own: int = 0) -> list[bytes]:
    """Return the entry that tells which sources are missing, none when none is; ``own`` is 1 when the own store is one of them."""
    told = outcome(asked_.answers, own)
    return [] if told is None else [bundle.outcome(write(told))]


def along(call: Call, wanted: Search, shown: tuple[Merged, ...], asked_: Asked) -> tuple[Merged, ...]:
    """Return what the sources sent along with those ``shown`` that ``wanted`` includes, with ``:iterate`` on and on."""
    services, sent, found, includes = call.services, dict[str, Merged](), shown, wanted.includes
    while found and includes:
        follow = partial(_followed, includes=includes, catalog=services.catalog, base=services.base)
        known = {*sent, *(each.reference for each in shown)}
        found = tuple(each for each in included(found, asked_.merged, follow) if each.reference not in known)
        sent |= {each.reference: each for each in found}
        includes = tuple(each for each in includes if each.iterate)
    return tuple(sent.values())


def _followed(resource: Resource, *, includes: Sequence[Include], catalog: Catalog, base: str) -> Iterable[str]:
    return targets([resource], includes, catalog, base)


def as_stored(merged: Merged) -> Stored:
    """Return a resource of a source in the form in which includes are followed; stored it never is."""
    body = write(merged.resource)
    return Stored(0, merged.type, merged.id, version=0, updated=0, deleted=False, visible=True, body=body)


async def entries_of(call: Call, merged: Iterable[Merged], mode: bundle.Mode, subset: Subset = _WHOLE) -> list[bytes]:
    """Return an entry for each of ``merged``, with the part of it that ``subset`` shows."""
    shown = ((each.type, each.id, subset.of(write(each.resource), each.type, match=mode == "match")) for each in merged)
    return bundle.found(call.services.base, await call.services.federation.pace.through(as_list(shown)), mode)
