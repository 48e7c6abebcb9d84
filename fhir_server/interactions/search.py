"""The search interaction on a type (https://hl7.org/fhir/R4/http.html#search)."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.interactions import search_sources
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.parameters import asked, self_link, warnings
from fhir_server.model.body import OWN
from fhir_server.model.bundle import Entry, Link, searchset
from fhir_server.model.json import read
from fhir_server.search.include import targets
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.tree import Cursor
from fhir_server.storage.repository import Grant, Page, Stored


async def search(call: Call) -> Answer:
    """Answer a searchset of what matches and lies within the caller's dossiers, newest first unless ``_sort`` says otherwise."""
    if call.entry.home == "federated":
        return await search_sources.search(call)
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    wanted, after = asked(call)
    if wanted.count_only:
        number = await call.services.repository.count(grant, wanted.query)
        return Answer(200, searchset(warnings(wanted), [self_link(call, wanted)], number))
    query = replace(wanted.query, after=after)
    page = await call.services.repository.search(grant, query)
    entries = [Entry(f"{call.services.base}/{each.type}/{each.id}", each.body, "match") for each in page.resources]
    entries += await _included(call, wanted, page.resources)
    total = await _total(call, grant, wanted, page, after)
    return Answer(200, searchset([*entries, *warnings(wanted)], [self_link(call, wanted), *_next(call, wanted, page)], total))


async def _included(call: Call, wanted: Search, found: Sequence[Stored]) -> list[Entry]:
    if not wanted.includes:
        return []
    services = call.services
    resources = [read(each.body, OWN).resource for each in found]
    references = targets(resources, wanted.includes, services.catalog, services.base)
    grants = services.gate.permitted(call.actor, "read", dict.fromkeys(each.partition("/")[0] for each in references))
    fetched = await services.repository.fetch(grants, references)
    return [Entry(f"{services.base}/{each.type}/{each.id}", each.body, "include") for each in fetched]


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
    token = call.services.pager.seal(Position(call.type, wanted.parameters, after), call.actor.reference, call.now)
    return [Link("next", f"{call.services.base}/{call.type}?_page={token}")]
