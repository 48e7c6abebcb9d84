"""What a choice can name besides people, teams and categories: functions in the network, authors, conversations, labels."""

from typing import Any

import pytest
from consents import NETWORK_ROLE, UZI, consent, provision
from flows.client import Client, Demo
from flows.test_under_consent import EVERY_WAY, World, ways

CARER, NURSE = f"{NETWORK_ROLE}|informal-carer", f"{UZI}|30.000"


@pytest.fixture
def world(hub: Demo) -> World:
    return World(hub)


def with_roles(world: World, **roles: str) -> None:
    """Give the members of the network roles ("system|code"), by the last letter of their names."""
    members = []
    for person, name in (("Practitioner/w", "w"), ("RelatedPerson/d", "d")):
        system, _, code = roles.get(name, "").rpartition("|")
        role = {"role": [{"coding": [{"system": system, "code": code}]}]} if code else {}
        members.append({"member": {"reference": world.name(person)}, **role})
    world.put("CareTeam", "t", status="active", participant=members, subject={"reference": world.patient})


def explained(world: World, who: str, purpose: str) -> dict[str, Any]:
    asked = f"who={world.name(who)}&category=message&purpose={purpose}"
    reply = world.client.get(f"{world.patient}/$explain-access?{asked}")
    assert reply.status == 200, reply.body
    decision = next(each for each in reply.json["parameter"] if each["name"] == "decision")
    return {part["name"]: next(value for name, value in part.items() if name != "name") for part in decision["part"]}


def test_a_role_in_the_network_is_the_function_that_a_choice_names(world: World) -> None:
    world.choose(provision("permit", CARER, NURSE, purposes=("TREAT", "PATRQT")))
    assert ways(world, world.nurse, world.task) == ways(world, world.daughter, world.task) == set()
    with_roles(world, d=CARER)
    assert ways(world, world.daughter, world.task) == ways(world, world.daughter, world.measured) == EVERY_WAY
    assert ways(world, world.nurse, world.task) == set()
    told = explained(world, "RelatedPerson/d", "PATRQT")
    assert (told["permit"], told["reason"]) == (True, "permit-role")
    assert not explained(world, "Practitioner/w", "TREAT")["permit"]
    with_roles(world, w=NURSE)
    assert ways(world, world.daughter, world.measured) == set(), "the role is over from the next request on"
    assert ways(world, world.nurse, world.measured) == EVERY_WAY


def test_a_role_in_one_network_is_none_in_another(world: World, hub: Demo) -> None:
    other = World(hub)
    with_roles(world, w=NURSE)
    members = [{"member": {"reference": world.name("Practitioner/w")}}]
    other.put("CareTeam", "t", status="active", participant=members, subject={"reference": other.patient})
    for each in (world, other):
        each.choose(provision("permit", NURSE, purposes=("TREAT",)))
    who: Client = world.nurse
    assert [each.measured for each in (world, other) if who.get(each.measured).status == 200] == [world.measured]


def measured_by(world: World, name: str, *performers: dict[str, str]) -> str:
    content = {"status": "final", "code": {"text": "weight"}, "subject": {"reference": world.patient}}
    made = {"performer": list(performers)} if performers else {}
    return world.put("Observation", name, **content, effectiveDateTime="2026-05-01", **made)


def test_what_one_author_made_is_closed_in_whatever_role_it_was_made(world: World) -> None:
    world.put("PractitionerRole", "r", active=True, practitioner={"reference": world.name("Practitioner/w")})
    own = measured_by(world, "own", {"reference": world.name("Practitioner/w")})
    in_role = measured_by(world, "role", {"reference": world.name("PractitionerRole/r")})
    other = measured_by(world, "other", {"reference": world.name("RelatedPerson/d")})
    unsaid, in_words = measured_by(world, "unsaid"), measured_by(world, "words", {"display": "the doctor"})
    by_nurse = (("authoredby", world.name("Practitioner/w")),)
    limited = world.deny("RelatedPerson/d", "ObservationActivity", data=by_nurse)
    world.choose(world.permit(exceptions=[limited]))
    assert ways(world, world.daughter, other) == EVERY_WAY
    for each in (own, in_role, unsaid, in_words):
        assert ways(world, world.daughter, each) == set(), each
        assert ways(world, world.nurse, each) == EVERY_WAY
    world.choose(provision("permit", world.name("RelatedPerson/d"), purposes=("PATRQT",), data=by_nurse))
    for each in (own, in_role):
        assert ways(world, world.daughter, each) == EVERY_WAY
    assert [each for each in (other, unsaid, in_words) if ways(world, world.daughter, each)] == []


def test_a_conversation_with_all_that_refers_to_it(world: World) -> None:
    dependents = (("dependents", world.thread),)
    world.choose(world.permit(exceptions=[world.deny("RelatedPerson/d", data=dependents)]))
    assert ways(world, world.daughter, world.thread) == ways(world, world.daughter, world.task) == set()
    assert ways(world, world.daughter, world.measured) == EVERY_WAY
    world.choose(provision("permit", world.name("RelatedPerson/d"), purposes=("PATRQT",), data=dependents))
    assert ways(world, world.daughter, world.thread) == ways(world, world.daughter, world.task) == EVERY_WAY
    assert ways(world, world.daughter, world.measured) == set()
    told = explained(world, "RelatedPerson/d", "PATRQT")
    assert (told["permit"], told.get("some-items-differ")) == (True, True)


def test_limits_that_nothing_could_carry_out_are_refused_by_name(world: World) -> None:
    client = {"reference": world.patient}
    for rule, limit in (
        ("consent-data-meaning", {"data": (("related", world.thread),)}),
        ("consent-data-author", {"data": (("authoredby", world.name("PractitionerRole/r")),)}),
        ("consent-limit-unsupported", {"code": [{"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}]}),
    ):
        reply = world.client.post(consent(world.permit(**limit), "x", patient=client, performer=[client]))
        assert reply.status == 422, reply.body
        assert [each["details"]["coding"][0]["code"] for each in reply.json["issue"]] == [rule]
