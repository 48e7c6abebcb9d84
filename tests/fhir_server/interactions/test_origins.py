"""Where something comes from is told to who sees it: Provenance follows its target, in the circle and under consent."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from consents import consent, provision
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, Room, actor, ref, room
from engines import PostgresServer

from fhir_server import bootstrap
from fhir_server.errors import FhirError
from fhir_server.interactions.call import Call
from fhir_server.interactions.read import read
from fhir_server.network.circle import circle, circle_of_origin
from fhir_server.settings import read_settings
from fhir_server.storage.circle import EVERYBODY, Circle

_numbers = count()
PEOPLE = (CLIENT, DAUGHTER, NURSE, DOCTOR, OUTSIDER)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create(f"origins_{next(_numbers)}", "template1")


@pytest.fixture
def hub(database: str, tmp_path: Path) -> Iterator[Room]:
    with room(tmp_path, database) as found:
        yield found


def readers(hub: Room, id_: str) -> set[str]:
    """Return who reads a Provenance."""

    async def reads(who: str) -> bool:
        services = hub.services
        standing = await services.standings.of(actor(who), services.clock())
        entry = services.catalog.types["Provenance"]
        try:
            await read(Call(services, standing, "read", entry, id=id_, request=f"o{next(_numbers)}", now=services.clock()))
        except FhirError:
            return False
        return True

    return {who for who in PEOPLE if hub.runner.run(reads(who))}


def forwarded(hub: Room, **more: object) -> str:
    """Let the nurse forward a message to the doctor; return the id of where that comes from."""
    message = hub.reply(NURSE, hub.thread(DAUGHTER, [NURSE]), **more)
    body = {"resourceType": "Parameters", "parameter": [{"name": "recipient", "valueReference": ref(DOCTOR)}]}
    made = json.loads(hub.operate(NURSE, "forward", message, json.dumps(body).encode()).body)
    found = (each for each in hub.stored("Provenance") if each["target"][0]["reference"].endswith(made["id"]))
    return str(next(found)["id"])


def test_the_choices_of_the_client_about_messages_decide(hub: Room, database: str, tmp_path: Path) -> None:
    origin = forwarded(hub)
    assert readers(hub, origin) == {CLIENT, NURSE, DOCTOR}
    permitted = provision("permit", NURSE, purposes=["TREAT"], categories=["message"])
    about = {"patient": ref(CLIENT), "performer": [ref(CLIENT)]}
    hub.write(CLIENT, consent(provision("deny", exceptions=[permitted]), **about))
    assert readers(hub, origin) == {CLIENT, NURSE}
    environment = {"FHIR_SERVER_DATA_DIR": str(tmp_path / "data")} | ({"FHIR_SERVER_DATABASE_URL": database} if database else {})
    assert bootstrap.check_index(read_settings(environment)).equal


def test_what_the_platform_says_itself(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NURSE])
    message = hub.reply(NURSE, thread)

    def told(*targets: str) -> set[str]:
        resource = {
            "resourceType": "Provenance",
            "target": [ref(each) for each in (*targets, CLIENT)],
            "recorded": "2026-01-01T00:00:00Z",
            "agent": [{"who": ref(NURSE)}],
        }
        return readers(hub, hub.write(SYSTEM, resource).id)

    assert told(thread) == {CLIENT, DAUGHTER, NURSE}
    assert told(NETWORK) == told() == {CLIENT, DAUGHTER, NURSE, DOCTOR}
    assert told(thread, NETWORK) == {CLIENT, DAUGHTER, NURSE}
    assert told(message) == {CLIENT}, "in which conversation it is does not stand in the Provenance"


THREAD, TASK = "CommunicationRequest/t", "Task/a"


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({THREAD: Circle(THREAD, ("Practitioner/p",))}, Circle(THREAD)),
        ({"Communication/m": Circle(THREAD)}, Circle(THREAD)),
        ({THREAD: Circle(THREAD), TASK: Circle(THREAD, ("Practitioner/p",))}, Circle(THREAD)),
        ({TASK: Circle("", ("Practitioner/p",)), "CareTeam/c": Circle()}, Circle(TASK)),
        ({"CareTeam/c": Circle(), "Consent/c": Circle()}, Circle("Provenance/x", (EVERYBODY,))),
        ({}, Circle("Provenance/x", (EVERYBODY,))),
        ({THREAD: Circle(THREAD), TASK: Circle("", ("Practitioner/p",))}, Circle()),
        ({"Communication/m": Circle()}, Circle()),
        ({"Observation/o": Circle()}, Circle()),
        ({"CareTeam/c": Circle(), "Appointment/a": Circle()}, Circle()),
    ],
)
def test_among_whom_it_is(about: dict[str, Circle], expected: Circle) -> None:
    assert circle_of_origin("x", about) == expected


def test_what_a_provenance_says_alone() -> None:
    def of(*targets: str) -> Circle:
        return circle({"resourceType": "Provenance", "id": "x", "target": [{"reference": each} for each in targets]})

    assert of(f"{THREAD}/_history/2", "Patient/p") == Circle(THREAD)
    assert of(THREAD, TASK) == of("Observation/o") == Circle()
    assert of("CareTeam/c/_history/3") == Circle("Provenance/x", (EVERYBODY,))
    assert of("https://elsewhere.example/fhir/Observation/o") == of("CareTeam/c", "urn:uuid:1") == Circle()
