"""Chains and ``_has``, carried out one link at a time (https://hl7.org/fhir/R4/search.html#chaining).

Every link is a search of its own, under the caller's grant for the type it leads to: a resource that the caller may not see links
nothing, so that neither matches nor totals tell of it. What a link finds becomes a list of references or ids in the tree.

On a federated type a chain may also lead to what the sources sent along in the same answer; that is matched in memory.

The searches see the store one after the other. A write between two of them may show in one and not in the other, as it may between
two pages; each result was permitted, and matched, at the moment it was read.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import TooCostly
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import as_list
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.include import pointed_to
from fhir_server.search.match import matches
from fhir_server.search.search import Include, Search
from fhir_server.search.tree import And, Chain, Has, Id, Node, Not, Nothing, Or, Query, ReferenceTo
from fhir_server.storage.repository import Stored

MOST: Final = 5_000
"""Resources that one link may find."""
_AT_ONCE = 500


async def without_links(call: Call, wanted: Search, merged: Collection[Merged] = ()) -> Search:
    """Return ``wanted`` with a tree that has no chains and no ``_has`` in it any more; raises TooCostly.

    ``merged`` is what the sources answered, to which a chain may lead as well.
    """
    if not wanted.linked:
        return wanted
    return replace(wanted, query=replace(wanted.query, where=await resolved(call, call.type, wanted.query.where, merged)))


async def resolved(call: Call, type_: str, where: Node, merged: Collection[Merged] = ()) -> Node:
    """Return ``where``, about resources of ``type_``, without chains and ``_has``; raises TooCostly when one finds too much."""
    match where:
        case And(parts):
            return And(tuple([await resolved(call, type_, part, merged) for part in parts]))
        case Or(parts):
            return Or(tuple([await resolved(call, type_, part, merged) for part in parts]))
        case Not(part):
            return Not(await resolved(call, type_, part, merged))
        case Chain():
            return await _chain(call, where, merged)
        case Has():
            return await _has(call, type_, where)
        case _:
            return where


async def _chain(call: Call, link: Chain, merged: Collection[Merged]) -> Node:
    references = await _at_sources(call, link, merged) if merged else []
    if call.services.catalog.types[link.type].is_stored:
        references += [f"{each.type}/{each.id}" async for each in _linked(call, link.type, link.part)]
    return Or(tuple(ReferenceTo(link.param, each) for each in references)) if references else Nothing()


async def _at_sources(call: Call, link: Chain, merged: Collection[Merged]) -> list[str]:
    entry = call.services.catalog.types[link.type]
    part = await resolved(call, link.type, link.part, merged)
    wanted = (one.type == link.type and matches(part, one.resource, entry, call.services.base) for one in merged)
    found = await call.services.federation.pace.through(as_list(wanted))
    return [one.reference for one, is_wanted in zip(merged, found, strict=True) if is_wanted]


async def _has(call: Call, type_: str, link: Has) -> Node:
    follow = [Include(link.type, link.param, type_)]
    found: dict[str, None] = {}
    async for each in _linked(call, link.type, link.part):
        found.update(dict.fromkeys(_pointed_to(call, [read(each.body, OWN).resource], follow)))
    return Id(tuple(each.partition("/")[2] for each in found)) if found else Nothing()


def _pointed_to(call: Call, resources: Sequence[Mapping[str, Any]], follow: Sequence[Include]) -> list[str]:
    return pointed_to(resources, follow, call.services.catalog, call.services.base)


async def _linked(call: Call, type_: str, part: Node) -> AsyncIterator[Stored]:
    """Yield what ``part`` finds of ``type_`` within the caller's grant; nothing where the caller has no grant for the type."""
    for grant in call.services.gate.permitted(call.actor, "search-type", [type_]):
        query = Query(type_, await resolved(call, type_, part), count=_AT_ONCE)
        left = MOST
        while True:
            page = await call.services.repository.search(grant, query)
            left -= len(page.resources)
            if left < 0 or (left == 0 and page.more):
                raise TooCostly(f"A chained parameter finds more than {MOST:,} resources of type {type_}. Narrow it.")
            for each in page.resources:
                yield each
            if not page.more:
                break
            query = replace(query, after=page.resources[-1].cursor)
