"""The search interaction on the whole system and on a whole compartment (https://hl7.org/fhir/R4/http.html#search).

Every type is searched on its own under the caller's grant for it, in the same order and from the same place; the pages are merged
and cut. A type for which the caller has no grant is not there, unless ``_type`` names it; what the token's scopes leave out is
told. Federated types are no part of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from fhir_server.catalog.catalog import Entry
from fhir_server.errors import BadRequest, Issue, NotFound
from fhir_server.interactions.ask_sources import may_ask
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.page_entries import beside, entries_of
from fhir_server.interactions.parameters import in_url, is_strict, largest_page, next_link, self_link, warnings
from fhir_server.interactions.read_page import Read, read_first, read_within
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.several import Fetch, merged, open_types
from fhir_server.interactions.subsets import of_search
from fhir_server.model.bundle import Link, searchset
from fhir_server.search.compartment import has_compartment, within
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.several import elsewhere, kept, named, parse_several
from fhir_server.search.tree import And, Query, Snapshot
from fhir_server.storage.repository import Grant, Page, Stored


class Part(NamedTuple):
    """The search of one type, under the grant for it."""

    grant: Grant
    query: Query


async def search(call: Call) -> Answer:
    """Answer a searchset of what matches and lies within the caller's dossiers, of all types, what changed last first."""
    parameters, position = _continued(call)
    wanted, parts = await _asked(call, parameters)
    dossier = call.within if call.within.startswith("Patient/") else ""
    if wanted.count_only:
        body = searchset(warnings(wanted), [self_link(call, wanted)], await _count(call, parts))
        return Answer(200, body, dossier=dossier)
    wanted, subset = of_search(call, wanted)
    page = await page_of(call, wanted.query, parts, position)
    call.touched.find(page.resources)
    entries = [*entries_of(call, page.resources, subset), *await beside(call, wanted, page.resources, subset), *warnings(wanted)]
    total = await _total(call, wanted, parts, page, position)
    body = searchset(entries, [self_link(call, wanted), *_next(call, wanted, page, total)], total)
    return Answer(200, body, dossier=dossier)


def _continued(call: Call) -> tuple[Sequence[tuple[str, str]], Position | None]:
    """Return the parameters, of the request or of the page token in it, and where the page begins; raises BadRequest."""
    tokens = [value for name, value in call.parameters if name == "_page"]
    if not tokens:
        return call.parameters, None
    position = call.services.pager.open_(tokens[-1], call.actor.view, call.place, call.now)
    return position.parameters, position


async def _asked(call: Call, parameters: Sequence[tuple[str, str]]) -> tuple[Search, list[Part]]:
    catalog = call.services.catalog
    asked = named(parameters, catalog)
    grants = _granted(call, asked)
    several = parse_several(
        [catalog.types[type_] for type_ in grants],
        parameters,
        catalog,
        strict=is_strict(call),
        base=call.services.base + "/",
        limit=largest_page(call),
        # What a token holds was read before: a BSN in it stands in the URL only sealed.
        in_url=in_url(call) and parameters is call.parameters,
    )
    parts = [Part(grant, await _query(call, several.searches[type_])) for type_, grant in grants.items()]
    unseen = elsewhere(asked) if asked else _out_of_scope(call)
    return replace(several.answer, warnings=(*unseen, *_kept_only(call, grants), *several.answer.warnings)), parts


def _kept_only(call: Call, types: Iterable[str]) -> tuple[Issue, ...]:
    """Return the warning that of some ``types`` there may be more at the sources; none where no source would be asked."""
    entries = (call.services.catalog.types[each] for each in types)
    both = [each.name for each in entries if each.home == "both" and may_ask(replace(call, entry=each, interaction="search-type"))]
    text = f"{', '.join(both)}: only what is kept here. Sources are asked in a search of one type and one patient at a time."
    return (Issue("not-supported", text, severity="warning", detail="federated-type"),) if both else ()


def _out_of_scope(call: Call) -> tuple[Issue, ...]:
    """Return the warning that the token's scopes leave out types which the role may search here; none where they do not."""
    types = [entry.name for entry in kept(call.services.catalog) if not call.within or _is_within(call, entry.name)]
    names = ", ".join(call.services.gate.out_of_scope(call.actor, "search-type", types))
    text = f"The token's scopes leave out: {names}. What there is of these types is not in this answer."
    return (Issue("suppressed", text, severity="warning", detail="insufficient_scope"),) if names else ()


def _granted(call: Call, asked: Sequence[Entry]) -> dict[str, Grant]:
    """Return a grant for each type that is searched; raises Forbidden when one that was asked for has none."""
    gate = call.services.gate
    for entry in asked:
        if entry.home == "federated":
            gate.federated(call.actor, entry.name, "", "search-type")  # closed to the caller is said here too
    if asked:
        grants = {e.name: gate.grant(call.actor, "search-type", e.name) for e in asked if e.is_stored}
    else:
        grants = {grant.type: grant for grant in open_types(call, "search-type")}
    return _within(call, asked, grants) if call.within else grants


def _within(call: Call, asked: Sequence[Entry], grants: dict[str, Grant]) -> dict[str, Grant]:
    """Return the ones of ``grants`` whose types can be in the compartment; raises BadRequest and NotFound."""
    place = call.within.partition("/")[0]
    if not has_compartment(place):
        raise NotFound(f"There is no compartment of a {place}.", detail="unknown-path")
    inside = {type_: grant for type_, grant in grants.items() if _is_within(call, type_)}
    if asked and len(inside) < len(grants):
        names = ", ".join(type_ for type_ in grants if type_ not in inside)
        raise BadRequest(f"'_type' names {names}, which is in no compartment of a {place} here.", detail="search-value")
    return inside


def _is_within(call: Call, type_: str) -> bool:
    try:
        within(call.services.catalog.types[type_], call.within)
    except NotFound:
        return False
    return True


async def _query(call: Call, wanted: Search) -> Query:
    """Return the search of one type, without links and within the compartment."""
    entry = call.services.catalog.types[wanted.query.type]
    query = (await without_links(replace(call, entry=entry), with_sealed(call, wanted))).query
    return replace(query, where=And((within(entry, call.within), query.where))) if call.within else query


async def page_of(call: Call, order: Query, parts: Sequence[Part], position: Position | None) -> Read:
    """Read a page of all parts, ordered as ``order``, within one snapshot: that of the first page, whose first part tells it."""
    after = position.cursor if position else None
    snapshot = position.snapshot if position else None

    def fetch(part: Part) -> Fetch:
        async def from_(last: Stored | None, count: int) -> Page:
            nonlocal snapshot
            query = replace(part.query, after=last.cursor if last else after, count=count, counted=False)
            if snapshot is None:
                read = await read_first(call, part.grant, query)
                snapshot = read.snapshot
            else:
                read = await read_within(call, part.grant, query, snapshot)
            return Page(read.resources, more=read.end is not None)

        return from_

    page = await merged(list(map(fetch, parts)), order.count, _place, descending=order.sort.descending)
    end = page.resources[-1].cursor if page.more else None
    return Read(page.resources, end, snapshot or Snapshot(call.now))


def _place(stored: Stored) -> tuple[int, int]:
    assert isinstance(stored.sort, int), "a time"
    return stored.sort, stored.row


async def _count(call: Call, parts: Sequence[Part]) -> int:
    return sum([await call.services.repository.count(grant, query) for grant, query in parts])


async def _total(call: Call, wanted: Search, parts: Sequence[Part], page: Read, position: Position | None) -> int | None:
    if wanted.total == "none":
        return None
    if position is None and page.end is None:
        return len(page.resources)
    if wanted.total == "accurate":
        return await _count(call, parts)
    return position.total if position else None


def _next(call: Call, wanted: Search, page: Read, total: int | None) -> list[Link]:
    if page.end is None:
        return []
    position = Position(call.place, wanted.parameters, page.end, page.snapshot, total)
    return [next_link(call, position)]
