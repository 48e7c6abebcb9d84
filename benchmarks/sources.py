"""How long the event loop is held while the large answer of a source is worked on, in this process."""

import asyncio
import json
from asyncio.events import Handle
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final

from adapters.contract import Resource, Source, SourceQuery, Translation, Transport
from benchmarks.measure import Figure
from benchmarks.stage import Stage
from benchmarks.watched import Watch
from fhir_server.access.actor import local_system
from fhir_server.bootstrap import collect_seldom
from fhir_server.federation.hub import Federation
from fhir_server.federation.sealed_id import Seal
from fhir_server.interactions.call import Call
from fhir_server.interactions.search_sources import search
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update

_GOAL: Final = 5.0  # milliseconds
_SIZES: Final = (3_000, 9_000)
_TYPE: Final = "MedicationDispense"
_BSN: Final = ("http://fhir.nl/fhir/NamingSystem/bsn", "999990019")
_URA: Final = ("http://fhir.nl/fhir/NamingSystem/ura", "90000383")
_CLIENT: Final = "Patient/bench-client"
_DOSSIER: Final[tuple[dict[str, Any], ...]] = (
    {"resourceType": "Patient", "id": "bench-client", "identifier": [{"system": _BSN[0], "value": _BSN[1]}]},
    {"resourceType": "Organization", "id": "bench-pharmacy", "identifier": [{"system": _URA[0], "value": _URA[1]}]},
    {
        "resourceType": "CareTeam",
        "id": "bench-network",
        "status": "active",
        "subject": {"reference": _CLIENT},
        "participant": [{"member": {"reference": "Organization/bench-pharmacy"}}],
    },
)


@dataclass
class _Source:
    """Has dispensed ``number`` times; is its own adapter and manifest."""

    number: int
    resource_types: tuple[str, ...] = (_TYPE,)

    def question(self, query: SourceQuery) -> Hashable:
        """Return whom it is about."""
        return query.identifiers

    async def search(self, query: SourceQuery, _source: Source, _transport: Transport) -> Translation:
        """Answer all."""
        patient: Resource = {"resourceType": "Patient", "id": "p", "identifier": [{"system": _BSN[0], "value": _BSN[1]}]}
        return Translation([patient, *(await asyncio.to_thread(_dispenses, self.number))], query.identifiers)

    def translate(self, payload: bytes) -> Translation:
        """Read nothing: there are no messages."""
        return Translation([], [_BSN] if payload else [])


def sources(stage: Stage) -> Iterator[Figure]:
    """Yield the longest callback, in CPU, of a search that a source answers with thousands of resources, and its time."""
    for size, longest, seconds in stage.small.with_services(_measured):
        yield Figure(f"a source with {size:,} resources: longest callback, CPU", longest, 1.0, "ms", _GOAL)
        yield Figure("  the whole search, by the clock", seconds, 1.0, "s")


async def _measured(services: Services) -> list[tuple[int, float, float]]:
    for number, each in enumerate(_DOSSIER):
        await update(_call(services, each["resourceType"], "update", f"w{number}", id=each["id"], body=json.dumps(each).encode()))
    collect_seldom()
    return [(size, *await _asked(services, size)) for size in _SIZES]


async def _asked(services: Services, size: int) -> tuple[float, float]:
    """Return the milliseconds of the longest callback, and the seconds of the search."""
    source = _Source(size)
    declared = (Source("bench", "bench", "https://bench.example", (_URA,), budget=60.0),)
    transports: Any = {"bench": None}  # nothing is sent
    hub = replace(services, federation=Federation(declared, {"bench": source}, lambda _: source, transports, Seal(bytes(32)), 60.0))
    await _searched(hub, "warm")
    watch, plain = Watch(), Handle._run  # noqa: SLF001 - the one place through which asyncio calls everything
    Handle._run = lambda handle: watch.run(handle)  # type: ignore[method-assign] # noqa: SLF001, PLW0108 - becomes a method
    try:
        began = perf_counter()
        await _searched(hub, "measured")
        return watch.report()["cpu"][0], perf_counter() - began
    finally:
        Handle._run = plain  # type: ignore[method-assign] # noqa: SLF001 - the same place


async def _searched(services: Services, request: str) -> None:
    found = await search(_call(services, _TYPE, "search-type", request, parameters=[("patient", _CLIENT), ("_count", "100")]))
    if b'"total":' not in found.body:
        raise RuntimeError(found.body[:1_000].decode())


def _call(services: Services, type_: str, interaction: str, request: str, **more: Any) -> Call:  # noqa: ANN401 - what a Call takes
    return Call(services, local_system(), interaction, services.catalog.types[type_], request=request, now=services.clock(), **more)


def _dispenses(number: int) -> list[Resource]:
    return [_dispense(each) for each in range(number)]


def _dispense(number: int) -> Resource:
    drug = {"system": "urn:oid:2.16.840.1.113883.2.4.4.7", "code": str(number % 997), "display": "Invented tablet 10 mg"}
    unit = {"system": "urn:oid:2.16.840.1.113883.2.4.4.1.900.2", "code": "245", "unit": "stuk"}
    return {
        "resourceType": _TYPE,
        "id": f"d{number}",
        "status": "completed",
        "identifier": [{"system": "urn:oid:1.2.3", "value": f"x{number}"}],
        "medicationCodeableConcept": {"coding": [drug], "text": "Invented tablet"},
        "subject": {"reference": "Patient/p"},
        "performer": [{"actor": {"reference": "Practitioner/p"}}],
        "quantity": {"value": 30, **unit},
        "whenHandedOver": f"{2010 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}T10:{number % 60:02}:00+01:00",
        "dosageInstruction": [{"text": "one a day", "doseAndRate": [{"doseQuantity": {"value": 1, **unit}}]}],
    }
