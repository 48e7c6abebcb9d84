"""What the sources hold about one patient, of all types that may be asked for: for ``$everything``, asked all at once."""

from asyncio import gather
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fhir_server.catalog.catalog import Entry
from fhir_server.errors import Forbidden
from fhir_server.federation.answer import Answer as SourceAnswer
from fhir_server.federation.answer import SourceFault, by_source
from fhir_server.federation.merge import Merged
from fhir_server.federation.select import included
from fhir_server.federation.select import matches as selected
from fhir_server.interactions.ask_sources import Asked, ask_sources
from fhir_server.interactions.call import Call
from fhir_server.operations.everything_asked import Wanted
from fhir_server.search.extract import extract
from fhir_server.search.tree import Sort


@dataclass(frozen=True, slots=True)
class AtSources:
    """What was found, with what it refers to (``beside``), and of each source that was asked whether it gave all."""

    found: tuple[Merged, ...] = ()
    beside: tuple[Merged, ...] = ()
    answers: tuple[SourceAnswer, ...] = ()


async def at_sources(call: Call, patient: str, wanted: Wanted) -> AtSources:
    """Ask the sources of ``patient`` for every type that is wanted, each as a search of it would be asked.

    Raises Forbidden where ``_type`` names a federated type for which the caller may not ask.
    """
    all_asked = await ask_all(call, patient, wanted)
    found: dict[str, Merged] = {}
    beside: dict[str, Merged] = {}
    for entry, asked in all_asked:
        of_type = await _found(call, entry, asked, wanted)
        found |= {each.reference: each for each in of_type}
        beside |= {each.reference: each for each in _beside(call, asked, of_type) if wanted.covers(each.type)}
    return AtSources(tuple(found.values()), tuple(each for name, each in beside.items() if name not in found), of_all(all_asked))


async def ask_all(call: Call, patient: str, wanted: Wanted) -> Sequence[tuple[Entry, Asked]]:
    """Return what the sources of ``patient`` answer, by type. Raises as ``at_sources`` does."""
    entries = [entry for entry in call.services.catalog.types.values() if _is_asked(call, entry, wanted)]
    all_asked = await gather(*(ask_sources(_part(call, entry, number), patient) for number, entry in enumerate(entries, 1)))
    by_type = list(zip(entries, all_asked, strict=True))
    call.touched.sources |= {each.source.name: each.fault if isinstance(each, SourceFault) else "ok" for each in of_all(by_type)}
    return by_type


def _is_asked(call: Call, entry: Entry, wanted: Wanted) -> bool:
    """Tell whether any source can be asked for a type; raises Forbidden for a federated one that ``_type`` names."""
    if entry.home not in {"federated", "both"} or "search-type" not in entry.interactions or not wanted.covers(entry.name):
        return False
    try:
        call.services.gate.federated(call.actor, entry.name, "", "search-type")
    except Forbidden:
        if wanted.types and entry.home == "federated":
            raise
        return False
    federation = call.services.federation
    return any(entry.name in federation.capabilities[each.adapter].resource_types for each in federation.sources)


def _part(call: Call, entry: Entry, number: int) -> Call:
    """Return the search of one type; its messages to the sources bear an id of their own."""
    return replace(call, entry=entry, interaction="search-type", request=f"{call.request}.{number}")


def of_all(by_type: Iterable[tuple[Entry, Asked]]) -> tuple[SourceAnswer, ...]:
    """Return one answer for each source."""
    return by_source(answer for _, asked in by_type for answer in asked.answers)


async def _found(call: Call, entry: Entry, asked: Asked, wanted: Wanted) -> Sequence[Merged]:
    base = call.services.base

    def holds(one: Merged) -> bool:
        return wanted.holds(one.resource, entry, one.indexed or extract(one.resource, entry, base))

    work = selected(asked.merged.values(), entry.name, holds, lambda _: (0,), Sort())
    return [hit.merged for hit in await call.services.federation.pace.through(work)]


def _beside(call: Call, asked: Asked, found: Sequence[Merged]) -> Iterable[Merged]:
    """Yield what is about nobody, and referred to: medicinal products, professionals, organisations."""
    types, known = call.services.catalog.types, list(found)
    while new := [each for each in included(known, asked.merged) if each.type in types and not types[each.type].patient]:
        yield from new
        known += new
