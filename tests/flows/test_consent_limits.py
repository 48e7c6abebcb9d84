"""What a choice can name besides people, teams and categories: functions in the network, authors, conversations, labels."""

from typing import Any

import pytest
from consents import NETWORK_ROLE, UZI, provision
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
