"""The search interaction on a type (https://hl7.org/fhir/R4/http.html#search)."""

from contextlib import suppress

from fhir_server.access.gate import RECORD
from fhir_server.interactions import collected, published, search_record, search_sources
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.page_entries import beside, entries_of
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.read_page import Read, read_page
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.settle import settled
from fhir_server.interactions.subsets import of_search
from fhir_server.model.bundle import Link, searchset
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.tree import Query
from fhir_server.storage.repository import Grant, SearchTooSlow


async def search(call: Call) -> Answer:
    """Answer a searchset of what matches and lies within the caller's dossiers, newest first unless ``_sort`` says otherwise."""
    if call.entry.home == "federated":
        return await search_sources.search(call)
    if call.entry.home == "published":
        return await published.search(call)
    if call.type == RECORD:
        return await search_record.search(call)
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    wanted, position = asked(call)
    call.touched.criteria(call.type, wanted.query.where)
    wanted, subset = of_search(call, wanted)
    wanted = await without_links(call, with_sealed(call, wanted))
    grant = await settled(call, grant, wanted.query.where)
    if wanted.count_only:
        number = await counted(call, grant, wanted.query)
        return Answer(200, searchset(warnings(wanted), [self_link(call, wanted)], number))
    page = await read_page(call, grant, wanted.query, position)
    call.touched.find(page.resources)
    entries = entries_of(call, page.resources, subset)
    entries += await beside(call, wanted, page.resources, subset)
    total = await total_of(call, grant, wanted, page, position)
    total = collected.total_of(total, call.collected, whole=page.end is None and position is None)
    links = [self_link(call, wanted), *_next(call, wanted, page, total)]
    alone = subset.whole and not (wanted.includes or wanted.reverse)
    stored = [each.body for each in page.resources] if alone else ()
    return Answer(200, searchset([*entries, *warnings(wanted)], links, total), stored=stored)


async def total_of(call: Call, grant: Grant, wanted: Search, page: Read, position: Position | None) -> int | None:
    """Return the number of matches where it was asked for or is cheap; a later page tells what the first one told."""
    repository = call.services.repository
    if wanted.total == "none":
        return None
    if position is None and page.end is None:
        return len(page.resources)
    if page.total is not None:
        return page.total
    if wanted.total == "accurate":
        return await counted(call, grant, wanted.query)
    if position is not None:
        return position.total
    if page.many and not wanted.total:
        return None
    known_to_be_few = page.many is False
    with suppress(SearchTooSlow):
        if wanted.total or known_to_be_few:
            return await counted(call, grant, wanted.query)
        return await repository.count_few(grant, wanted.query)
    return None


async def counted(call: Call, grant: Grant, query: Query) -> int:
    """Return how many match the query within the grant."""
    return await call.services.repository.count(grant, query, call.services.catalog.types[query.type].tally)


def _next(call: Call, wanted: Search, page: Read, total: int | None) -> list[Link]:
    if page.end is None:
        return []
    position = Position(call.place, wanted.parameters, page.end, page.snapshot, total)
    return [next_link(call, position)]
