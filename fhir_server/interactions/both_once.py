"""What the own store and a source hold both is shown once: the copy of whose it is, else the one that is stored here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fhir_server.federation.duplicates import Assigned, assigned, serves_own
from fhir_server.federation.select import Hit
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.tree import And, Id, Not, Or, Query, TokenIn
from fhir_server.storage.repository import Grant

_MOST: Final = 500
"""Objects that are looked up; beyond these both copies are shown."""


async def once(call: Call, grant: Grant, query: Query, hits: list[Hit]) -> tuple[Query, list[Hit]]:
    """Return ``query``, which no longer finds what a source serves as its own, and the ``hits`` that are not stored here."""
    known = {each.merged.reference: set(assigned(each.merged.resource)) for each in hits}
    wanted = list(dict.fromkeys(one for each in known.values() for one in each))[:_MOST]
    if not wanted:
        return query, hits
    here = await _stored(call, grant, query, wanted)
    hidden, left = set(), []
    for each in hits:
        same = known[each.merged.reference] & here.keys()
        theirs = {one for one in same if serves_own(each.merged.source, one)}
        hidden |= {id_ for one in theirs for id_ in here[one]}
        if theirs or not same:
            left.append(each)
    if not hidden:
        return query, left
    return replace(query, where=And((query.where, Not(Id(tuple(sorted(hidden))))))), left


async def _stored(call: Call, grant: Grant, query: Query, wanted: Sequence[Assigned]) -> dict[Assigned, set[str]]:
    """Return the ids of what matches ``query`` here and bears one of ``wanted``, from the same assigner."""
    values: dict[str, dict[str, None]] = {}
    for each in wanted:
        values.setdefault(each.system, {})[each.value] = None
    named = Or(tuple(TokenIn("identifier", tuple(some), system) for system, some in values.items()))
    page = await call.services.repository.search(grant, Query(query.type, And((query.where, named)), count=_MOST))
    found: dict[Assigned, set[str]] = {}
    for stored in page.resources:
        for each in assigned(read(stored.body, OWN).resource):
            found.setdefault(each, set()).add(stored.id)
    return found
