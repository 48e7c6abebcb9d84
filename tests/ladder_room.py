"""The room of ``dossier_room`` with a network in which everybody has a role, and what is done with questions there."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM, TEMP, Json, Room, actor, ref, room, team

from fhir_server.access.actor import Actor
from fhir_server.interactions import escalating, messages, read, search
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.services import Services
from fhir_server.operations import OPERATIONS

CANONICAL = "https://netwerkdossier.example/fhir"
SCT = "http://snomed.info/sct"
ROLE = f"{CANONICAL}/CodeSystem/network-role"
TOPIC = f"{CANONICAL}/CodeSystem/question-topic"
STATE = f"{CANONICAL}/StructureDefinition/question"
QUESTION = {"coding": [{"system": f"{CANONICAL}/CodeSystem/conversation-category", "code": "question"}]}
MINUTE = 60_000_000
HOUR = 60 * MINUTE
COORDINATOR, SPECIALIST = TEMP, AIDE
ROLES = {
    DAUGHTER: None,
    NURSE: (SCT, "224535009"),
    COORDINATOR: (ROLE, "coordinator"),
    DOCTOR: (SCT, "62247001"),
    SPECIALIST: (SCT, "69280009"),
}
LEVELS = ("informal", "home-care", "coordinator", "gp", "specialist")
_requests = count()


def network(roles: dict[str, Any], **more: Any) -> Json:
    """Return the client's team; ``roles`` gives everybody a code, or none."""
    made = team(NETWORK, [CLIENT, *roles], CLIENT)
    for participant in made["participant"]:
        if code := roles.get(participant["member"]["reference"]):
            participant["role"] = [{"coding": [{"system": code[0], "code": code[1]}]}]
    return made | more


def topic(code: str) -> Json:
    return {"coding": [{"system": TOPIC, "code": code}]}


def ladder(url: str, levels: Sequence[tuple[str, Any, int]]) -> Json:
    """Return a ladder of ``levels``: code, role, and time-out in minutes (0 for none)."""

    def level(code: str, role: Any, minutes: int) -> Json:
        after = {"value": minutes, "system": "http://unitsofmeasure.org", "code": "min"}
        parts = [{"url": "priority", "valueCode": "routine"}, {"url": "after", "valueDuration": after}]
        time_out = (
            {"extension": [{"url": f"{CANONICAL}/StructureDefinition/ladder-time-out", "extension": parts}]} if minutes else {}
        )
        participant = {"type": "practitioner", "role": {"coding": [{"system": role[0], "code": role[1]}]}}
        return {
            **time_out,
            "title": code,
            "code": [{"coding": [{"system": "urn:own", "code": code}]}],
            "participant": [participant],
        }

    return {
        "resourceType": "PlanDefinition",
        "id": url.rpartition("/")[2],
        "url": url,
        "version": "1",
        "status": "active",
        "type": {"coding": [{"system": f"{CANONICAL}/CodeSystem/plan-type", "code": "ladder"}]},
        "action": [level(*each) for each in levels],
    }


class LadderRoom:
    """A room whose clock is set by hand."""

    def __init__(self, hub: Room) -> None:
        self.hub = hub
        self.now = hub.services.clock()
        self.hub.services = replace(hub.services, clock=lambda: self.now)

    def ask(self, who: str = CLIENT, *topics: str, **more: Any) -> str:
        """Ask the network something; return the reference of the question."""
        return self.hub.thread(who, [NETWORK], category=[QUESTION, *map(topic, topics)], **more)

    def operate(self, who: Actor | str, on: str, code: str, /, **given: Any) -> Answer:
        return self.hub.runner.run(self.operating(who, on, code, **given))

    async def operating(self, who: Actor | str, on: str, code: str, /, **given: Any) -> Answer:
        """Carry out an operation; ``given`` are texts, or parameters without their names."""
        parameters = [{"name": name, **(each if isinstance(each, dict) else {"valueString": each})} for name, each in given.items()]
        body = {"resourceType": "Parameters", **({"parameter": parameters} if parameters else {})}
        call = await self._call(who, f"${code}", on, body=json.dumps(body).encode())
        return await OPERATIONS[f"${code}"](call)

    def report(self, who: Actor | str) -> Json:
        """Return the figures of questions."""

        async def reporting() -> Json:
            answer = await OPERATIONS["$question-report"](await self._call(who, "$question-report", "Patient/"))
            return dict(json.loads(answer.body))

        return self.hub.runner.run(reporting())

    def later(self, microseconds: int) -> None:
        """Let time go by, and the hub make its round."""
        self.now += microseconds
        self.hub.runner.run(escalating.overdue(self.hub.services, self.now))

    def question(self, thread: str) -> Json:
        """Return the parts of the extension that says where a question stands, the steps as a list."""
        resource = next(each for each in self.hub.stored("CommunicationRequest") if each["id"] == thread.partition("/")[2])
        found = next(each for each in resource["extension"] if each["url"] == STATE)["extension"]
        parts = {
            each["url"]: next(value for name, value in each.items() if name != "url") for each in found if each["url"] != "step"
        }
        steps = [{one["url"]: one for one in each["extension"]} for each in found if each["url"] == "step"]
        return parts | {"steps": steps, "recipients": [each["reference"] for each in resource["recipient"]], "resource": resource}

    def way(self, thread: str) -> list[tuple[str, str]]:
        """Return level and reason of each step."""
        steps = self.question(thread)["steps"]
        return [(each["level"]["valueCoding"]["code"], each["reason"]["valueCoding"]["code"]) for each in steps]

    def passed(self, thread: str) -> list[tuple[str, str]]:
        """Return which levels the last step passed over, and why."""
        resource = self.question(thread)["resource"]
        parts = next(each for each in resource["extension"] if each["url"] == STATE)["extension"]
        step = [each for each in parts if each["url"] == "step"][-1]["extension"]
        found = [{one["url"]: one["valueCoding"]["code"] for one in each["extension"]} for each in step if each["url"] == "passed"]
        return [(each["level"], each["reason"]) for each in found]

    def level(self, thread: str) -> str:
        return str(self.question(thread)["level"]["code"])

    def step_tasks(self, thread: str) -> list[Json]:
        """Return the Tasks of the steps, in their order."""
        found = [each for each in self.hub.stored("Task") if each["basedOn"][0]["reference"] == thread and "code" in each]
        found = [each for each in found if each["code"]["coding"][0]["code"] == "answer-question"]
        return sorted(found, key=lambda each: (each["authoredOn"], len(each.get("partOf", ()))))

    def sees(self, who: str, type_: str, id_: str) -> bool:
        """Tell whether ``who`` can read a resource."""
        from fhir_server.errors import FhirError

        async def reading() -> bool:
            try:
                await read.read(await self._call(who, "read", f"{type_}/{id_}"))
            except FhirError:
                return False
            return True

        return self.hub.runner.run(reading())

    def found(self, who: str, type_: str, *parameters: tuple[str, str]) -> set[str]:
        """Return the references of what ``who`` finds, includes too."""

        async def searching() -> set[str]:
            call = await self._call(who, "search-type", f"{type_}/", parameters=parameters)
            entries = json.loads((await search.search(call)).body).get("entry", [])
            return {f"{each['resource']['resourceType']}/{each['resource'].get('id')}" for each in entries}

        return self.hub.runner.run(searching())

    def shown(self, who: Actor | str, interaction: str, reference: str, *parameters: tuple[str, str], version: int = 0) -> Json:
        """Return what ``who`` is shown of a resource, or of what a search, a history or an operation answers. Raises FhirError."""

        async def answering() -> Json:
            call = await self._call(who, interaction, reference, parameters=parameters, version=version)
            answer = await messages.answered(call, await HANDLERS[interaction](call))
            return dict(json.loads(answer.body))

        return self.hub.runner.run(answering())

    def post(self, who: str, type_: str, body: str) -> str:
        """Store the text ``body`` as it is; return the id."""

        async def posting() -> str:
            return (await HANDLERS["create"](await self._call(who, "create", f"{type_}/", body=body.encode()))).id

        return self.hub.runner.run(posting())

    async def _call(self, who: Actor | str, interaction: str, reference: str, **more: Any) -> Call:
        services: Services = self.hub.services
        caller = await services.standings.of(who if isinstance(who, Actor) else actor(who), services.clock())
        type_, _, id_ = reference.partition("/")
        entry = services.catalog.types[type_]
        return Call(services, caller, interaction, entry, id=id_, request=f"l{next(_requests)}", now=services.clock(), **more)


@contextmanager
def ladder_room(folder: Path, database: str = "") -> Iterator[LadderRoom]:
    """Open the room, with everybody in their roles."""
    with room(folder, database) as hub:
        hub.write(SYSTEM, network(ROLES))
        yield LadderRoom(hub)


def gathered(hub: LadderRoom, *work: Any) -> Sequence[Any]:
    """Do all of ``work`` at the same moment; return what came of each, errors too."""

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*work, return_exceptions=True)

    return hub.hub.runner.run(all_at_once())


__all__ = ["COORDINATOR", "SPECIALIST", "LadderRoom", "gathered", "ladder_room", "ref"]
