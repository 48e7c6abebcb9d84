"""What ``_include`` and ``_revinclude`` bring beside the matches of a page (https://hl7.org/fhir/R4/search.html#include).

Everything is asked for under the caller's grant for its type; what lies outside it is left out without a trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fhir_server.errors import Issue
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.include import sources, targets
from fhir_server.search.search import Include, Search
from fhir_server.search.tree import Query
from fhir_server.storage.repository import Stored

MOST: Final = 1_000
"""Resources that one page includes at most."""
CAPPED: Final = Issue(
    "incomplete",
    f"More than {MOST:,} resources were to be included; the others were left out. Ask for fewer matches at once, with _count.",
    severity="warning",
    detail="include-capped",
)


@dataclass(slots=True)
class Included:
    """What is included so far; ``shown`` are the references of the page and of these, ``capped`` tells that some were left out."""

    shown: set[str]
    resources: list[Stored] = field(default_factory=list)
    capped: bool = False

    @property
    def room(self) -> int:
        """How many more fit."""
        return MOST - len(self.resources)

    def add(self, found: Sequence[Stored]) -> list[Stored]:
        """Take in what is new of ``found``, as far as there is room, and return it."""
        new = {reference: each for each in found if (reference := f"{each.type}/{each.id}") not in self.shown}
        self.capped = self.capped or len(new) > self.room
        added = list(new.values())[: self.room]
        self.resources += added
        self.shown.update(f"{each.type}/{each.id}" for each in added)
        return added


async def included(call: Call, wanted: Search, page: Sequence[Stored]) -> Included:
    """Follow the includes from the resources of ``page``, those with ``:iterate`` on and on until nothing new is found."""
    result = Included({f"{each.type}/{each.id}" for each in page})
    forward, reverse = wanted.includes, wanted.reverse
    found = list(page)
    while found and (forward or reverse) and not result.capped:
        new = await _forward(call, forward, found, result) if forward else []
        new += await _reverse(call, reverse, found, result) if reverse else []
        found = new
        forward, reverse = _iterated(forward), _iterated(reverse)
    return result


def _iterated(includes: Sequence[Include]) -> tuple[Include, ...]:
    return tuple(include for include in includes if include.iterate)


async def _forward(call: Call, includes: Sequence[Include], found: Sequence[Stored], result: Included) -> list[Stored]:
    services = call.services
    resources = [read(each.body, OWN).resource for each in found]
    references = [one for one in targets(resources, includes, services.catalog, services.base) if one not in result.shown]
    grants = services.gate.permitted(call.actor, "read", dict.fromkeys(each.partition("/")[0] for each in references))
    new: list[Stored] = []
    for start in range(0, len(references), MOST):
        if not result.capped:
            new += result.add(await services.repository.fetch(grants, references[start : start + MOST]))
    return new


async def _reverse(call: Call, includes: Sequence[Include], found: Sequence[Stored], result: Included) -> list[Stored]:
    services = call.services
    new: list[Stored] = []
    for type_, where in sources([f"{each.type}/{each.id}" for each in found], includes, services.catalog):
        for grant in services.gate.permitted(call.actor, "search-type", [type_]):
            page = await services.repository.search(grant, Query(type_, where, count=MOST))
            new += result.add(page.resources)
            result.capped = result.capped or page.more
    return new
