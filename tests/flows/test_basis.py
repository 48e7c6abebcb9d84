"""The record says by what somebody saw what the hub keeps: the reason of the decision, and the choices behind it."""

from typing import Any

import pytest
from flows.client import Client, Demo
from flows.test_under_consent import World
from flows.test_who_saw_what import is_line, mentioned, who


@pytest.fixture(scope="module")
def world(hub: Demo) -> World:
    return World(hub)


def basis(world: World, reader: Client, person: str) -> tuple[str, set[str]]:
    """Return the decision and the Consents in the newest line of ``person`` about the client, as ``reader`` reads it."""
    found = [each for each in reader.search("AuditEvent", ("patient", world.patient)).resources if is_line(each)]
    event = next(each for each in found if who(each) == world.name(person))
    details = [detail for entity in event["entity"] for detail in entity.get("detail", ())]
    decision = next((each["valueString"] for each in details if each["type"] == "decision"), "")
    return decision, {each for each in mentioned(event) if each.startswith("Consent/")}


def told(world: World, reader: Client) -> list[dict[str, Any]]:
    reply = reader.get(f"{world.patient}/$access-log", Accept_Language="en")
    parts = [each["part"] for each in reply.json["parameter"] if each["name"] == "entry"]
    return [{one["name"]: next(value for name, value in one.items() if name != "name") for one in part} for part in parts]


def test_each_way_of_reading_tells_its_basis(world: World) -> None:
    nurse = "Practitioner/w"
    assert world.nurse.get(world.task).status == 200
    assert basis(world, world.client, nurse) == ("membership", set())

    choice = world.choose(world.permit())
    for path in (world.task, f"{world.task}/_history/1", f"Observation?subject={world.patient}", f"Task?patient={world.patient}"):
        assert world.nurse.get(path).status == 200
        assert basis(world, world.client, nurse) == ("permit-careteam", {f"{choice}/_history/1"}), path
    entry = next(each for each in told(world, world.client) if each["basis"] == "consent for the network")
    assert entry["agent"] == {"reference": world.name(nurse)}

    world.choose(world.permit(exceptions=[provision_for(world)]))
    assert world.nurse.get(world.task).status == 200
    assert basis(world, world.client, nurse) == ("permit-careteam", {f"{choice}/_history/2"}), "the version in force"
    assert world.daughter.get(world.task).status == 403
    assert basis(world, world.client, "RelatedPerson/d") == ("not-permitted", set())


def provision_for(world: World) -> dict[str, Any]:
    return world.deny("RelatedPerson/d", "message")


def test_a_choice_about_some_items_is_named_where_it_decided(world: World) -> None:
    general = world.choose(world.permit(label="N"))
    special = world.choose(world.permit(label="R", categories=["ObservationActivity"]), "special")
    secret, plain = world.measure("secret", "2026-04-01", "R"), world.measure("plain", "2026-04-01", "L")
    assert world.nurse.get(secret).status == 200
    assert {each.partition("/_history")[0] for each in basis(world, world.client, "Practitioner/w")[1]} == {special}
    assert world.nurse.get(world.task).status == 200
    assert {each.partition("/_history")[0] for each in basis(world, world.client, "Practitioner/w")[1]} == {general}
    assert world.nurse.get(plain).status == 200


def test_an_answer_with_several_kinds_of_data_names_what_opened_each(hub: Demo) -> None:
    world = World(hub)
    messages = world.choose(world.permit(categories=["message"]), "messages")
    plain = world.choose(world.permit(categories=["ObservationActivity"], label="N"), "plain")
    special = world.choose(world.permit(categories=["ObservationActivity"], label="R"), "special")
    world.measure("secret", "2026-04-01", "R")
    world.measure("public", "2026-04-01", "N")
    names = {messages, plain, special}

    def consents() -> set[str]:
        return {each.partition("/_history")[0] for each in basis(world, world.client, "Practitioner/w")[1]}

    assert world.nurse.get(f"{world.patient}/$everything").status == 200
    assert consents() == names
    assert world.nurse.get(f"Observation?subject={world.patient}").status == 200
    assert consents() == {plain, special}
    assert world.nurse.get(f"Task?patient={world.patient}&_include=Task:patient").status == 200
    assert consents() == {messages}
    assert world.nurse.get(f"{world.team}").status == 200
    assert consents() == set(), "what is open to the network needs no choice"
    assert world.nurse.get(f"?_type=Task,Observation&_lastUpdated=gt2020-01-01&_id={world.task.partition('/')[2]}").status == 200
    assert consents() == {messages}


def test_the_client_reads_by_right(world: World) -> None:
    assert world.client.get(world.measured).status == 200
    assert basis(world, world.client, "Patient/p")[0] == "self"
    assert any(each["basis"] == "these are their own data" for each in told(world, world.client))


def test_a_line_about_two_clients_names_the_choices_of_neither(world: World, hub: Demo) -> None:
    other = World(hub)
    members = [{"member": {"reference": world.name("Practitioner/w")}}]
    other.team = other.put("CareTeam", "t", status="active", participant=members, subject={"reference": other.patient})
    for each in (world, other):
        each.choose(each.permit(), "k")
        each.choose(each.permit(), "special")
    tasks = ",".join(each.task.partition("/")[2] for each in (world, other))
    assert len(world.nurse.get(f"Task?_id={tasks}").resources) == 2
    for each in (world, other):
        found = [one for one in each.client.search("AuditEvent", ("patient", each.patient)).resources if is_line(one)]
        event = next(one for one in found if who(one) == world.name("Practitioner/w"))
        assert not [one for one in mentioned(event) if one.startswith("Consent/")]
        assert "permit-careteam" in str(event)
