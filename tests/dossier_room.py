"""A hub without HTTP in which people write to each other: a client's network, a department in it, and another one."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from engines import migrated

from fhir_server import bootstrap
from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.operations.registry import OPERATIONS
from fhir_server.search.tree import Everything, Node, Query, ReferenceTo
from fhir_server.settings import read_settings

Json = dict[str, Any]
CLIENT = "Patient/client"
DAUGHTER, NEIGHBOUR = "RelatedPerson/daughter", "RelatedPerson/neighbour"
NURSE, AIDE, DOCTOR = "Practitioner/nurse", "Practitioner/aide", "Practitioner/doctor"
CHEMIST, TECHNICIAN, TEMP = "Practitioner/chemist", "Practitioner/technician", "Practitioner/temp"
OUTSIDER = "Practitioner/outsider"
NETWORK, WARD, PHARMACY = "CareTeam/network", "CareTeam/ward", "CareTeam/pharmacy"
SENDER_TEAM = "http://ozoverbindzorg.nl/fhir/StructureDefinition/ozo-sender-careteam"
_ROLES = {"Practitioner": "practitioner", "RelatedPerson": "related-person", "Patient": "patient"}
SYSTEM = local_system()
EVERYTHING = Everything()
_moments = count()


def ref(reference: str) -> Json:
    return {"reference": reference, "type": reference.partition("/")[0]}


def person(reference: str) -> Json:
    type_, _, id_ = reference.partition("/")
    made: Json = {"resourceType": type_, "id": id_, "active": True, "name": [{"family": id_.capitalize()}]}
    if type_ == "Patient":
        made |= {"gender": "female", "birthDate": "1938-05-02"}
    if type_ == "RelatedPerson":
        coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "FAMMEMB"}
        made |= {"patient": ref(CLIENT), "relationship": [{"coding": [coding]}]}
    return made


def team(reference: str, members: Sequence[str], subject: str = "") -> Json:
    made: Json = {
        "resourceType": "CareTeam",
        "id": reference.partition("/")[2],
        "status": "active",
        "name": reference.partition("/")[2],
        "participant": [{"member": ref(each)} for each in members],
    }
    return made | ({"subject": ref(subject)} if subject else {"managingOrganization": [ref("Organization/care")]})


def actor(reference: str) -> Actor:
    scopes = parse_scopes("user/*.cruds patient/*.cruds")
    role: Any = _ROLES[reference.partition("/")[0]]
    return Actor(reference, role, scopes, purpose="TREAT" if role == "practitioner" else "PATRQT", people=(reference,))


class Room:
    """The running parts of a hub; everything is done in it as somebody."""

    def __init__(self, runner: asyncio.Runner, services: Services) -> None:
        self.runner = runner
        self.services = services

    def write(self, who: Actor | str, resource: Json, *, interaction: str = "") -> Answer:
        """Store ``resource`` as ``who``; with an id it is updated. Raises FhirError."""
        return self.runner.run(self.writing(who, resource, interaction=interaction))

    async def writing(self, who: Actor | str, resource: Json, *, interaction: str = "") -> Answer:
        actor_ = who if isinstance(who, Actor) else actor(who)
        actor_ = await self.services.standings.of(actor_, self.services.clock())
        interaction = interaction or ("update" if "id" in resource else "create")
        entry = self.services.catalog.types[resource["resourceType"]]
        id_ = resource.get("id", "") if interaction == "update" else ""
        body = json.dumps(resource).encode()
        call = Call(
            self.services, actor_, interaction, entry, id=id_, body=body, request=f"r{next(_moments)}", now=self.services.clock()
        )
        return await (update if interaction == "update" else create)(call)

    def delete(self, who: Actor | str, reference: str) -> Answer:
        """Delete a resource as ``who``. Raises FhirError."""

        async def deleted() -> Answer:
            type_, _, id_ = reference.partition("/")
            actor_ = await self.services.standings.of(who if isinstance(who, Actor) else actor(who), self.services.clock())
            more = {"id": id_, "request": f"r{next(_moments)}", "now": self.services.clock()}
            return await delete(Call(self.services, actor_, "delete", self.services.catalog.types[type_], **more))

        return self.runner.run(deleted())

    def operate(self, who: Actor | str, code: str, on: str, body: bytes = b"") -> Answer:
        """Carry out the operation ``$code`` on a resource ("Type/id") as ``who``. Raises FhirError."""

        async def carried_out() -> Answer:
            type_, _, id_ = on.partition("/")
            actor_ = await self.services.standings.of(who if isinstance(who, Actor) else actor(who), self.services.clock())
            more = {"id": id_, "body": body, "request": f"r{next(_moments)}", "now": self.services.clock()}
            return await OPERATIONS[f"${code}"](Call(self.services, actor_, f"${code}", self.services.catalog.types[type_], **more))

        return self.runner.run(carried_out())

    def stored(self, type_: str, where: Node = EVERYTHING) -> list[Json]:
        """Return the current resources of a type, the newest 1,000 of them."""

        async def found() -> list[Json]:
            grant = self.services.gate.locating(type_)
            page = await self.services.repository.search(grant, Query(type_, where, count=1000))
            return [json.loads(each.body) for each in page.resources]

        return self.runner.run(found())

    def tasks(self, thread: str) -> dict[str, tuple[str, str, int]]:
        """Return status, focus and version of the Tasks that mark ``thread``, by owner, of which each has one."""
        found: dict[str, tuple[str, str, int]] = {}
        for each in self.stored("Task", ReferenceTo("based-on", thread)):
            if "code" in each:  # asks for something else than reading
                continue
            owner = each["owner"]["reference"]
            assert owner not in found, f"{owner} has two"
            found[owner] = each["status"], each.get("focus", {}).get("reference", ""), int(each["meta"]["versionId"])
        return found

    def unread(self, thread: str) -> set[str]:
        """Return who has something unread in ``thread``."""
        return {owner for owner, (status, _, _) in self.tasks(thread).items() if status == "requested"}

    def thread(self, who: str, recipients: Sequence[str], team_: str = "", **more: Any) -> str:
        """Begin a thread as ``who``; return its reference."""
        return f"CommunicationRequest/{self.write(who, asked(who, recipients, team_) | more).id}"

    def reply(self, who: str, thread: str, **more: Any) -> str:
        """Reply in ``thread`` as ``who``; return the message's reference."""
        return f"Communication/{self.write(who, message(who, thread) | more).id}"

    def receipt(self, who: str, *read: str) -> None:
        """Tell as ``who`` that ``read`` was read."""
        self.write(who, read_by(who, *read))


def asked(who: str, recipients: Sequence[str], team_: str = "") -> Json:
    """Return the thread that ``who`` begins, in the name of a team or not."""
    made: Json = {
        "resourceType": "CommunicationRequest",
        "status": "active",
        "subject": ref(CLIENT),
        "requester": ref(who),
        "recipient": [ref(each) for each in recipients],
        "payload": [{"contentString": "question"}],
    }
    if not team_:
        return made
    return made | {"sender": ref(who), "extension": [{"url": SENDER_TEAM, "valueReference": ref(team_)}]}


def read_by(who: str, *read: str) -> Json:
    """Return the receipt that ``who`` read something, in the form that OZO's clients send."""
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"},
        "action": "R",
        "recorded": "2026-01-05T10:00:00Z",
        "agent": [{"who": ref(who), "requestor": True}],
        "source": {"site": "client", "observer": ref(who)},
        "entity": [{"what": {"reference": each}} for each in read],
    }


def message(who: str, thread: str) -> Json:
    """Return a reply, without subject, as OZO's clients send it."""
    return {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [ref(thread)],
        "sender": ref(who),
        "payload": [{"contentString": "answer"}],
    }


NETWORK_MEMBERS = (DAUGHTER, NURSE, DOCTOR, WARD)
WARD_MEMBERS = (NURSE, AIDE)
PHARMACY_MEMBERS = (CHEMIST, TECHNICIAN)
EVERYBODY = (CLIENT, DAUGHTER, NEIGHBOUR, NURSE, AIDE, DOCTOR, CHEMIST, TECHNICIAN, TEMP, OUTSIDER)


@contextmanager
def room(folder: Path, database: str = "", **more: str) -> Iterator[Room]:
    """Open a hub below ``folder`` with the network, its people and two departments; ``more`` are further settings."""
    environment = (
        {"FHIR_SERVER_DATA_DIR": str(folder / "data")} | ({"FHIR_SERVER_DATABASE_URL": database} if database else {}) | more
    )
    settings = read_settings(environment)
    if not database:
        migrated(settings.data_dir / "hub.db")
    resources = [
        {"resourceType": "Organization", "id": "care", "name": "Care", "active": True},
        *map(person, EVERYBODY),
        team(WARD, WARD_MEMBERS),
        team(PHARMACY, PHARMACY_MEMBERS),
        team(NETWORK, NETWORK_MEMBERS, CLIENT),
    ]
    bootstrap.load_resources(settings, resources)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(settings))
        try:
            yield Room(runner, services)
        finally:
            runner.run(services.reindexing.stop())
            runner.run(services.repository.close())
