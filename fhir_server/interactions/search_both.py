"""Searching a type that is kept here and at the sources: for a search of one client the own store is one more source."""

from dataclasses import dataclass, replace

from fhir_server.federation.outcome import HEADER, completeness
from fhir_server.federation.pace import emptied
from fhir_server.federation.select import Hit
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions import search as own_search
from fhir_server.interactions import search_sources
from fhir_server.interactions.ask_along import with_included
from fhir_server.interactions.ask_sources import Asked, ask_sources, may_ask
from fhir_server.interactions.asking_once import asking_once
from fhir_server.interactions.both_once import once
from fhir_server.interactions.both_page import Page, page_of, read_own
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.page_entries import beside, entries_of
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.read_page import Read
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.settle import settled
from fhir_server.interactions.subsets import of_search
from fhir_server.model.bsn import is_bsn
from fhir_server.model.bundle import searchset
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.subset import Subset
from fhir_server.search.tree import Node
from fhir_server.storage.repository import Grant, Stored

_OWN = 1


@dataclass(frozen=True, slots=True)
class _Found:
    """What is asked of the own store under ``grant``, and the ``hits`` of the sources.

    ``again``: the next page has to ask the sources too, whatever of them this one shows.
    """

    grant: Grant
    wanted: Search
    asked: Asked
    hits: list[Hit]
    again: bool

    @property
    def told(self) -> list[bytes]:
        """The entry that tells which sources are missing, if any is."""
        return search_sources.missing(self.asked, _OWN)


@undisturbed
async def search(call: Call) -> Answer:
    """Answer a searchset of what matches here and at the sources of the client whom the search names, in one order and in pages.

    The own store answers alone where there is no source to ask, and where the search names no client or several. 200 also when no
    source answered: the own store did. Once all that is at the sources was shown, the further pages do not ask them again.
    """
    if not may_ask(call):
        return await own_search.search(call)
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    wanted, position = asked(call)
    patient = _client(call, wanted.query.where)
    if not patient:
        return await own_search.search(call)
    call.touched.criteria(call.type, wanted.query.where)
    wanted, subset = of_search(call, wanted)
    async with asking_once(call) as one:
        return await _answer(one, grant, wanted, subset, position, patient)


async def _answer(call: Call, grant: Grant, wanted: Search, subset: Subset, position: Position | None, patient: str) -> Answer:
    goes_on = position is not None and position.beside is None
    at_sources = Asked() if goes_on else await ask_sources(call, patient, where=wanted.query.where)
    found = await _found(call, grant, wanted, at_sources)
    own = None if wanted.count_only else await read_own(call, found.grant, found.wanted.query, position)
    page = page_of(found.wanted.query, own, found.hits, position, again=found.again) if own else None
    if page:
        found = replace(found, asked=await with_included(call, patient, found.wanted, page.sources, found.asked))
    answer = await (_paged(call, found, own, page, subset, position) if own and page else _counted(call, found))
    await call.services.federation.pace.through(emptied(found.hits, found.asked.merged))
    if not goes_on:
        answer.headers = ((HEADER, completeness(found.asked.answers, _OWN)),)
        answer.keep = False
    answer.dossier, answer.detail = patient, _outcomes(call)
    return answer


def _client(call: Call, where: Node) -> str:
    """Return the one client ("Patient/id") whom a search, or its path, says that it is about; "" for none."""
    found = search_sources.named(where) | {each for each in [call.within] if each.startswith("Patient/")}
    patient = found.pop() if len(found) == 1 else ""
    return patient if patient.startswith("Patient/") and not is_bsn(patient.partition("/")[2]) else ""


async def _found(call: Call, grant: Grant, wanted: Search, at_sources: Asked) -> _Found:
    wanted = await without_links(call, with_sealed(call, wanted), at_sources.merged.values())
    grant = await settled(call, grant, wanted.query.where)
    query, hits = await once(call, grant, wanted.query, await search_sources.matching(call, wanted.query, at_sources))
    faulty = completeness(at_sources.answers, _OWN) != "complete"
    leads_there = wanted.linked and bool(at_sources.merged)
    return _Found(grant, replace(wanted, query=query), at_sources, hits, faulty or leads_there or query is not wanted.query)


def _outcomes(call: Call) -> str:
    """Return what the record says of each place that was asked, "" where that was the own store alone."""
    sources = call.touched.sources
    return " ".join(["hub=ok", *(f"{name}={came}" for name, came in sources.items())]) if sources else ""


async def _counted(call: Call, found: _Found) -> Answer:
    told, wanted = found.told, found.wanted
    # A wrong count is worse than none.
    number = None if told else len(found.hits) + await own_search.counted(call, found.grant, wanted.query)
    return Answer(200, searchset([*told, *warnings(wanted)], [self_link(call, wanted)], number))


async def _paged(call: Call, found: _Found, own: Read, page: Page, subset: Subset, position: Position | None) -> Answer:
    told, wanted = found.told, found.wanted
    call.touched.find(page.own)
    total = position.total if position else None
    if position is None and not told:
        number = await own_search.total_of(call, found.grant, wanted, own, None)
        total = None if number is None else number + len(found.hits)
    links = [self_link(call, wanted)]
    if page.left:
        after = Position(call.place, wanted.parameters, page.left.cursor, own.snapshot, total, page.left.beside)
        links.append(next_link(call, after))
    entries = [*told, *await _matches(call, page, subset), *await _along(call, found, page, subset), *warnings(wanted)]
    return Answer(200, searchset(entries, links, None if told else total))


async def _matches(call: Call, page: Page, subset: Subset) -> list[bytes]:
    own = iter(entries_of(call, page.own, subset))
    sources = iter(await search_sources.entries_of(call, page.sources, "match", subset))
    return [next(own if isinstance(each, Stored) else sources) for each in page.shown]


async def _along(call: Call, found: _Found, page: Page, subset: Subset) -> list[bytes]:
    """Return the entries of what comes along: out of the own store for all that is shown, out of the sources for what is theirs."""
    kept = await beside(call, found.wanted, [*page.own, *map(search_sources.as_stored, page.sources)], subset)
    sent = search_sources.along(call, found.wanted, page.sources, found.asked)
    return [*kept, *await search_sources.entries_of(call, sent, "include", subset)]
