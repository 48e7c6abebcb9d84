"""Appointments of the network as the store has them: who makes and answers them, and the Tasks that follow."""

from collections.abc import Iterator
from typing import Any

import pytest
from consents import URA, concept, consent, provision
from directed_room import CARE, GP, employed, mandated
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NEIGHBOUR, NURSE, SYSTEM, Json, Room, person, ref, room
from engines import PostgresServer

from fhir_server.errors import FhirError, Forbidden
from fhir_server.network.appointment import ORGANIZER
from fhir_server.search.tree import Token


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("appointments", "template1")
    with room(tmp_path_factory.mktemp("appointments"), database) as found:
        yield found


@pytest.fixture(scope="module")
def open_(hub: Room) -> Room:
    """Give the hub in which the client has opened appointments to the network."""
    with pytest.raises(Forbidden):  # closed until then
        hub.write(NURSE, visit(NURSE, CLIENT))
    root = provision("permit", "CareTeam/network", purposes=("TREAT", "PATRQT"), categories=("appointment", "message"))
    hub.write(SYSTEM, consent(root, patient={"reference": CLIENT}, performer=[{"reference": CLIENT}]))
    return hub


def visit(who: str, *asked: str, **more: Any) -> Json:
    """Return an appointment that ``who`` makes with ``asked``."""
    invited = [{"actor": ref(each), "status": "needs-action"} for each in asked]
    return {
        "resourceType": "Appointment",
        "extension": [{"url": ORGANIZER, "valueReference": ref(who)}],
        "status": "proposed",
        "start": "2026-03-02T10:00:00+01:00",
        "end": "2026-03-02T11:00:00+01:00",
        "participant": [{"actor": ref(who), "status": "accepted"}, *invited],
        **more,
    }


def tasks(hub: Room, id_: str) -> dict[str, str]:
    """Return the status of each Task about an appointment by owner, of which each has one."""
    found = [each for each in hub.stored("Task", Token("code", "appointment-response")) if id_ in each["focus"]["reference"]]
    assert len({each["owner"]["reference"] for each in found}) == len(found)
    return {each["owner"]["reference"]: each["status"] for each in found}


def answered(appointment: Json, **answers: str) -> Json:
    """Return the appointment in which who is at a place ("p1") answered."""
    given = appointment["participant"]
    parts = [{**each, "status": answers.get(f"p{number}", each["status"])} for number, each in enumerate(given)]
    return {**appointment, "participant": parts}


def test_an_appointment_is_asked_answered_moved_and_called_off(open_: Room) -> None:
    made = visit(NURSE, CLIENT, DAUGHTER)
    made["id"] = open_.write(NURSE, made).id
    assert tasks(open_, made["id"]) == {CLIENT: "requested", DAUGHTER: "requested"}
    made = answered(made, p2="accepted")
    open_.write(DAUGHTER, made)
    assert tasks(open_, made["id"]) == {CLIENT: "requested", DAUGHTER: "completed"}
    with pytest.raises(FhirError, match="Only who organises"):
        open_.write(DAUGHTER, {**made, "status": "cancelled"})
    made = {**answered(made, p2="needs-action"), "start": "2026-03-02T10:15:00+01:00"}
    open_.write(NURSE, made)
    assert tasks(open_, made["id"]) == {CLIENT: "requested", DAUGHTER: "requested"}
    open_.write(CLIENT, {**made, "status": "cancelled"})
    assert tasks(open_, made["id"]) == {CLIENT: "cancelled", DAUGHTER: "cancelled"}


def test_who_is_not_of_the_network_gets_no_task_and_makes_none(open_: Room) -> None:
    id_ = open_.write(NURSE, visit(NURSE, CLIENT, DOCTOR, NEIGHBOUR)).id
    assert tasks(open_, id_) == {CLIENT: "requested", DOCTOR: "requested"}
    with pytest.raises(Forbidden):
        open_.write(NEIGHBOUR, visit(NEIGHBOUR, CLIENT))


def test_a_representative_answers_for_the_client(open_: Room) -> None:
    made = visit(NURSE, CLIENT)
    made["id"] = open_.write(NURSE, made).id
    with pytest.raises(Forbidden):
        open_.write(DAUGHTER, answered(made, p1="accepted"))
    open_.write(SYSTEM, mandated(DAUGHTER))
    open_.write(DAUGHTER, answered(made, p1="accepted"))
    assert tasks(open_, made["id"]) == {CLIENT: "completed"}
    open_.write(SYSTEM, person(DAUGHTER))


def test_a_client_makes_one(open_: Room) -> None:
    id_ = open_.write(CLIENT, visit(CLIENT, DOCTOR)).id
    assert tasks(open_, id_) == {DOCTOR: "requested"}


def test_what_the_platform_stores_is_taken_as_it_is(open_: Room) -> None:
    made = visit(NURSE, CLIENT)
    made["participant"][1]["status"] = "accepted"
    assert tasks(open_, open_.write(SYSTEM, made).id) == {}
    open_.write(
        SYSTEM,
        {"resourceType": "Appointment", "status": "proposed", "participant": [{"status": "accepted", "type": [{"text": "x"}]}]},
    )


def of_author(number: str, kind: str = "author", system: str = URA) -> Json:
    """Return an identifier that the organisation with this number gave."""
    assigner = {"identifier": {"system": system, "value": number}}
    type_ = concept("http://terminology.hl7.org/CodeSystem/provenance-participant-type", kind)
    return {"type": type_, "system": "urn:visits", "value": "1", "assigner": assigner}


def test_nobody_lets_their_own_stand_for_what_another_organisation_made(open_: Room) -> None:
    organisation = {"resourceType": "Organization", "id": "care", "name": "Care", "active": True}
    open_.write(SYSTEM, organisation | {"identifier": [{"system": URA, "value": "90000001"}]})
    open_.write(SYSTEM, employed(NURSE, CARE, GP))
    for who, given in (
        (NURSE, of_author("90000002")),
        (DAUGHTER, of_author("90000001")),
        (CLIENT, of_author("90000001")),
    ):
        made = visit(who, *(each for each in (CLIENT,) if each != who), identifier=[{"value": "own"}, given])
        with pytest.raises(Forbidden) as caught:
            open_.write(who, made)
        assert caught.value.issues[0].detail == "author-of-another"
        assert caught.value.issues[0].expression == "Appointment.identifier"
    for who, given in (
        (NURSE, of_author("90000001")),
        (SYSTEM, of_author("90000002")),
        (DAUGHTER, of_author("90000002", "enterer")),
        (DAUGHTER, of_author("90000002", system="urn:other")),
    ):
        person_ = who if isinstance(who, str) else NURSE
        assert open_.write(who, visit(person_, CLIENT, identifier=[given])).id


def test_what_the_system_gave_stays_when_others_write(open_: Room) -> None:
    made = visit(NURSE, CLIENT, identifier=[of_author("90000002")])
    made["id"] = open_.write(SYSTEM, made).id
    answer = answered(made, p1="accepted")
    open_.write(CLIENT, answer)
    with pytest.raises(Forbidden, match="another organisation"):
        open_.write(NURSE, answer | {"identifier": [of_author("90000002") | {"value": "2"}]})
    open_.write(NURSE, {name: each for name, each in answer.items() if name != "identifier"})
