"""The search interaction on a type (https://hl7.org/fhir/R4/http.html#search)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fhir_server.interactions import search_sources
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.include import CAPPED, included
from fhir_server.interactions.parameters import asked, self_link, warnings
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.subsets import of_search
from fhir_server.model.bundle import Link, found, outcome, searchset
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.subset import Subset
from fhir_server.search.tree import Cursor
from fhir_server.storage.repository import Grant, Page, Stored


async def search(call: Call) -> Answer:
    """Answer a searchset of what matches and lies within the caller's dossiers, newest first unless ``_sort`` says otherwise."""
    if call.entry.home == "federated":
        return await search_sources.search(call)
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    wanted, after = asked(call)
    wanted, subset = of_search(call, wanted)
    wanted = await without_links(call, wanted)
    if wanted.count_only:
        number = await call.services.repository.count(grant, wanted.query)
        return Answer(200, searchset(warnings(wanted), [self_link(call, wanted)], number))
    query = replace(wanted.query, after=after)
    page = await call.services.repository.search(grant, query)
    entries = found(call.services.base, _shown(page.resources, subset), "match")
    entries += await _beside(call, wanted, page, subset)
    total = await _total(call, grant, wanted, page, after)
    return Answer(200, searchset([*entries, *warnings(wanted)], [self_link(call, wanted), *_next(call, wanted, page)], total))


def _shown(resources: Iterable[Stored], subset: Subset, *, match: bool = True) -> Iterator[tuple[str, str, bytes]]:
    return ((each.type, each.id, subset.of(each.body, each.type, match=match)) for each in resources)


async def _beside(call: Call, wanted: Search, page: Page, subset: Subset) -> list[bytes]:
    if not (wanted.includes or wanted.reverse):
        return []
    beside = await included(call, wanted, page.resources)
    entries = found(call.services.base, _shown(beside.resources, subset, match=False), "include")
    return [*entries, outcome(write(operation_outcome([CAPPED])))] if beside.capped else entries


async def _total(call: Call, grant: Grant, wanted: Search, page: Page, after: Cursor | None) -> int | None:
    if wanted.total == "none":
        return None
    if after is None and not page.more:
        return len(page.resources)
    if wanted.total == "accurate":
        return await call.services.repository.count(grant, wanted.query)
    return None


def _next(call: Call, wanted: Search, page: Page) -> list[Link]:
    if not page.more:
        return []
    last = page.resources[-1]
    by_update = wanted.query.sort.by == "_lastUpdated"
    after = Cursor(last.updated if by_update else last.sort, last.row)
    token = call.services.pager.seal(Position(call.place, wanted.parameters, after), call.actor.reference, call.now)
    return [Link("next", f"{call.services.base}/{call.place}?_page={token}")]
