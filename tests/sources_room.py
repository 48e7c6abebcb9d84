"""Two sources in the network of the client of ``dossier_room``, whose adapters answer as told; what they hold is invented."""

import asyncio
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from dossier_room import CLIENT, NETWORK, NETWORK_MEMBERS, SYSTEM, Json, Room, actor, person, ref, team

from adapters.contract import Fault, Resource, Source, SourceError, SourceQuery, Translation, Transport
from fhir_server.access.actor import Actor
from fhir_server.federation.hub import Federation
from fhir_server.federation.pace import Pace
from fhir_server.federation.sealed_id import Seal
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.recorded import recorded
from fhir_server.storage.repository import AuditRow

URA = "http://fhir.nl/fhir/NamingSystem/ura"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBER = "999990019"
LOCAL = "Patient/local"
NAMES = {"linde": "90000383", "wijk": "90000384"}
HELD = ("Appointment", "DocumentReference", "Observation", "QuestionnaireResponse")
_numbers = count()
_PACE = Pace()


@dataclass
class Adapter:
    """Answers what ``holds`` says for the source, or its fault; ``about`` is the number of the person whom it speaks of."""

    holds: dict[str, list[Resource]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    about: str = NUMBER

    def question(self, query: SourceQuery) -> Hashable:
        return query.resource_type, query.identifiers

    async def search(self, query: SourceQuery, source: Source, _: Transport) -> Translation:
        self.asked.append((source.name, query.resource_type))
        await asyncio.sleep(0)
        if source.name in self.faults:
            raise SourceError(self.faults[source.name], "as told")
        held = [each for each in self.holds.get(source.name, ()) if each["resourceType"] in {query.resource_type, "Practitioner"}]
        somebody: Resource = {"resourceType": "Patient", "id": "local", "identifier": [{"system": BSN, "value": self.about}]}
        return Translation([somebody, *held] if held else [], [(BSN, self.about)])

    def translate(self, payload: bytes) -> Translation:
        raise SourceError("not-supported", f"{len(payload)} bytes")


@dataclass
class Capability:
    """What the adapter answers."""

    resource_types: Sequence[str]


def federation(adapter: Adapter, types: Sequence[str] = HELD, pace: Pace = _PACE) -> Federation:
    """Return both sources, asked through ``adapter``."""
    sources = tuple(Source(name, "any", f"https://{name}.example", ((URA, number),)) for name, number in NAMES.items())
    transports: Any = dict.fromkeys(NAMES)  # nothing is sent
    return Federation(sources, {"any": Capability(types)}, lambda _: adapter, transports, Seal(b"s" * 32), 8.0, pace=pace)


def furnish(room: Room) -> None:
    """Store the organisations of the sources, as part of the network, and the number of the client."""
    room.write(SYSTEM, person(CLIENT) | {"identifier": [{"system": BSN, "value": NUMBER}]})
    for name, number in NAMES.items():
        identifier = [{"system": URA, "value": number}]
        room.write(SYSTEM, {"resourceType": "Organization", "id": name, "name": name, "active": True, "identifier": identifier})
    network = team(NETWORK, NETWORK_MEMBERS, CLIENT)
    network["participant"] += [{"member": ref(f"Organization/{name}")} for name in NAMES]
    room.write(SYSTEM, network)


@dataclass
class Asking:
    """Asks in ``room`` as somebody, over the sources behind ``adapter``; ``calls`` are the requests so far, with their answers."""

    room: Room
    adapter: Adapter
    types: Sequence[str] = HELD
    calls: list[tuple[Call, Answer]] = field(default_factory=list)
    pace: Pace = _PACE

    def __call__(self, who: Actor | str, path: str, interaction: str = "", body: bytes = b"") -> Answer:
        """Carry out ``path`` below the base: ``Type?query``, ``Type/id`` or ``Patient/id/Type?query``. Raises FhirError."""
        return self.room.runner.run(self._carried_out(who, path, interaction, body))

    def turns(self, who: Actor | str, path: str) -> int:
        """Return how many turns others have while ``path`` is carried out."""

        async def beside() -> int:
            found = [0]

            async def waiting() -> None:
                while True:
                    found[0] += 1
                    await asyncio.sleep(0)

            other = asyncio.create_task(waiting())
            await self._carried_out(who, path, "", b"")
            other.cancel()
            return found[0]

        return self.room.runner.run(beside())

    def bundle(self, who: Actor | str, path: str) -> Json:
        return cast("Json", json.loads(self(who, path).body))

    def pages(self, who: Actor | str, path: str) -> list[Json]:
        """Return the page and all that follow it."""
        found = [self.bundle(who, path)]
        while following := [each["url"] for each in found[-1]["link"] if each["relation"] == "next"]:
            found.append(self.bundle(who, f"{urlsplit(path).path}?{urlsplit(following[0]).query}"))
        return found

    def line(self) -> AuditRow:
        """Return the line of the record for the last request."""
        return self.room.runner.run(recorded(*self.calls[-1]))

    async def _carried_out(self, who: Actor | str, path: str, interaction: str, body: bytes) -> Answer:
        services = replace(self.room.services, federation=federation(self.adapter, self.types, self.pace))
        standing = await services.standings.of(who if isinstance(who, Actor) else actor(who), services.clock())
        *within, type_, id_ = [*path.partition("?")[0].split("/"), ""] if _is_search(path) else path.split("/")
        call = Call(
            services,
            standing,
            interaction or ("read" if id_ else "search-type"),
            services.catalog.types[type_],
            id=id_,
            within="/".join(within),
            parameters=parse_qsl(urlsplit(path).query, keep_blank_values=True),
            request=f"s{next(_numbers)}",
            now=services.clock(),
            body=body,
        )
        answer = await HANDLERS[call.interaction](call)
        self.calls.append((call, answer))
        return answer


def _is_search(path: str) -> bool:
    return "?" in path or len(path.split("/")) % 2 == 1


def measured(id_: str, at: str, *, of: str = CLIENT, code: str = "pain", **more: Any) -> Json:
    """Return an Observation."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": "urn:test", "code": code}]},
        "subject": {"reference": of},
        "effectiveDateTime": at,
        "valueQuantity": {"value": 1.00, "unit": "score"},
        **more,
    }


def ids(bundle: Json, mode: str = "match") -> list[str]:
    """Return the ids of the entries of a mode, in order."""
    return [each["resource"].get("id", "") for each in bundle.get("entry", ()) if each["search"]["mode"] == mode]


def times(bundle: Json) -> list[str]:
    """Return the moments of the Observations that matched, in order."""
    return [each["resource"]["effectiveDateTime"] for each in bundle.get("entry", ()) if each["search"]["mode"] == "match"]
