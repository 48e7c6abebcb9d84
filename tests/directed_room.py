"""The hub of ``dossier_room`` with a clock that tests move, people with functions, and what directs a network."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import dossier_room
import pytest
from dossier_room import (
    AIDE,
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NETWORK,
    NURSE,
    OUTSIDER,
    SYSTEM,
    TEMP,
    Json,
    Room,
    actor,
    person,
    ref,
    team,
)

from fhir_server import bootstrap
from fhir_server.access.actor import Actor
from fhir_server.errors import FhirError
from fhir_server.interactions.break_glass import admit
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.recorded import recorded
from fhir_server.operations import OPERATIONS
from fhir_server.search.lines import Lines
from fhir_server.search.tree import Everything
from fhir_server.storage.repository import AuditRow

CARE, TOWN = "Organization/care", "Organization/town"
UZI = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
ROLES = "https://netwerkdossier.example/fhir/CodeSystem/network-role"
MANDATE = "https://netwerkdossier.example/fhir/StructureDefinition/mandate"
GP, NURSING, SOCIAL, MANAGER = f"{UZI}|01.015", f"{UZI}|30.000", f"{ROLES}|social-domain", f"{ROLES}|manager"
SOCIAL_WORKER = TEMP
_FUNCTIONS = {DOCTOR: GP, NURSE: NURSING, AIDE: NURSING, OUTSIDER: GP}
_START = 1_790_000_000_000_000  # 2026-09-21T13:33:20Z
_requests = count()


class Clock:
    """Gives a moment that a test moves; it stands still otherwise."""

    def __init__(self) -> None:
        self.at = _START

    def __call__(self) -> int:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += round(seconds * 1_000_000)


def employed(practitioner: str, organisation: str, function: str) -> Json:
    """Return a function of somebody in an organisation."""
    system, _, code = function.partition("|")
    return {
        "resourceType": "PractitionerRole",
        "id": practitioner.partition("/")[2],
        "active": True,
        "practitioner": ref(practitioner),
        "organization": ref(organisation),
        "code": [{"coding": [{"system": system, "code": code}]}],
    }


def mandated(relation: str) -> Json:
    """Return a RelatedPerson with a written mandate of the client."""
    return person(relation) | {
        "extension": [{"url": MANDATE, "extension": [{"url": "kind", "valueCode": "written-mandate"}]}],
    }


class DirectedRoom:
    """A room in which people direct the network; every call leaves its line in the record, as over HTTP."""

    def __init__(self, room: Room, clock: Clock) -> None:
        self.room = room
        self.clock = clock

    def set_out(self) -> None:
        """Put the network and the functions as they are in the beginning; nobody is invited, and nobody owns a Task."""
        self.clock.forward(10)
        write = self.room.write
        write(SYSTEM, team(NETWORK, (DAUGHTER, NURSE), CLIENT))
        write(SYSTEM, {"resourceType": "Organization", "id": "town", "name": "Town", "active": True})
        for who, function in _FUNCTIONS.items():
            write(SYSTEM, employed(who, CARE, function))
        write(SYSTEM, employed(SOCIAL_WORKER, TOWN, SOCIAL))
        write(SYSTEM, person(DAUGHTER))
        for each in self.room.stored("Task"):
            if each["status"] not in {"completed", "cancelled", "rejected"}:
                write(SYSTEM, each | {"status": "cancelled"})

    def ask(self, who: Actor | str, interaction: str, reference: str, parameters: Json | None = None, **query: str) -> Answer:
        """Carry out an interaction or operation as ``who``; errors raise."""
        return self.room.runner.run(self.asking(who, interaction, reference, parameters, **query))

    async def asking(
        self, who: Actor | str, interaction: str, reference: str, parameters: Json | None = None, **query: str
    ) -> Answer:
        services = self.room.services
        type_, _, id_ = reference.partition("/")
        caller = await services.standings.of(actor(who) if isinstance(who, str) else who, services.clock())
        call = Call(
            services,
            caller,
            interaction,
            services.catalog.types[type_],
            id=id_,
            parameters=tuple(query.items()),
            body=json.dumps(parameters).encode() if parameters else b"",
            request=f"d{next(_requests)}",
            now=services.clock(),
        )
        try:
            await admit(call)
            answer = await {**HANDLERS, **OPERATIONS}[interaction](call)
        except FhirError as error:
            await services.repository.record(await recorded(call, Answer(error.status)))
            raise
        if not answer.recorded:
            await services.repository.record(await recorded(call, answer))
        return answer

    def invite(self, who: str, invited: Json | str, role: str = "core", **more: Any) -> Json:
        """Invite somebody as ``who``; return the Task."""
        return body(self.ask(who, "$invite", NETWORK, parameters(who=invited, role=role, **more)))

    def join(self, invited: str, role: str = "core", by: str = CLIENT, **more: Any) -> Json:
        """Invite somebody as ``by`` and accept as them; return the Task."""
        return body(self.ask(invited, "$accept", f"Task/{self.invite(by, invited, role, **more)['id']}"))

    def network(self) -> Json:
        """Return the network as it is stored."""
        return next(each for each in self.room.stored("CareTeam") if each["id"] == "network")

    def places(self, who: str) -> list[Json]:
        """Return the participants that ``who`` is or was."""
        return [each for each in self.network()["participant"] if each["member"]["reference"] == who]

    def task(self, id_: str) -> Json:
        """Return a Task as it is stored."""
        return next(each for each in self.room.stored("Task") if each["id"] == id_)

    def sees(self, who: str) -> set[str]:
        """Return what ``who`` reads of the dossier."""
        return {each for each in (CLIENT, NETWORK, DAUGHTER) if self.reads(who, each)}

    def reads(self, who: str, reference: str) -> bool:
        """Tell whether ``who`` may read something."""
        try:
            self.ask(who, "read", reference)
        except FhirError:
            return False
        return True

    def found(self, who: str, type_: str, **query: str) -> list[Json]:
        """Return what ``who`` finds."""
        bundle = body(self.ask(who, "search-type", type_, **query))
        return [each["resource"] for each in bundle.get("entry", ())]

    def lines(self) -> list[AuditRow]:
        """Return the whole record."""

        async def read() -> list[AuditRow]:
            repository = self.room.services.repository
            await repository.project_record()
            found = await repository.lines(self.room.services.gate.figures(SYSTEM), Lines(Everything(), 10_000))
            return [each.line for each in found]

        return self.room.runner.run(read())


def parameters(**given: Any) -> Json:
    """Return Parameters: texts are references where they look like one, else codes; lists are several."""
    several = ((name, each) for name, values in given.items() for each in (values if isinstance(values, list) else [values]))
    parts = [{"name": name.replace("_", "-"), **_valued(name, value)} for name, value in several]
    return {"resourceType": "Parameters", "parameter": parts}


def _valued(name: str, value: Any) -> Json:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, str):
        kind = "Code" if name in {"role", "category"} else "Reference" if "/" in value and name != "expires" else "String"
        if name == "expires":
            kind = "DateTime"
        return {f"value{kind}": {"reference": value} if kind == "Reference" else value}
    if "value" in value:
        return {"valueIdentifier": value}
    return {"valuePeriod": value} if value.keys() & {"start", "end"} else {"valueCodeableConcept": value}


def body(answer: Answer) -> Json:
    """Return the resource of an answer."""
    found: Json = json.loads(answer.body)
    return found


def refusal(act: Callable[[], object]) -> str:
    """Return the code of the error with which ``act`` is refused."""
    with pytest.raises(FhirError) as raised:
        act()
    return raised.value.issues[0].detail


@contextmanager
def directed_room(folder: Path, database: str = "") -> Iterator[DirectedRoom]:
    """Open the room below ``folder``."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "now", clock)
        with dossier_room.room(folder, database) as found:
            assert found.services.clock() == clock.at
            yield DirectedRoom(found, clock)
