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


def explained(world: World, who: str, purpose: str, action: str = "access") -> dict[str, Any]:
    asked = f"who={world.name(who)}&category=message&purpose={purpose}&action={action}"
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


def test_what_somebody_may_do_with_what_they_see_is_explained(world: World) -> None:
    assert explained(world, "Practitioner/w", "TREAT", "disclose")["reason"] == "membership"
    world.choose(world.permit(actions=("access", "correct")))
    found = {each: explained(world, "Practitioner/w", "TREAT", each)["permit"] for each in ("access", "correct", "disclose")}
    assert found == {"access": True, "correct": True, "disclose": False}
    assert explained(world, "Patient/p", "PATRQT", "disclose")["permit"]
    reply = world.client.get(f"{world.patient}/$explain-access?who={world.patient}&category=message&action=look")
    assert (reply.status, "'action' is access" in str(reply.json)) == (400, True)


def test_what_has_no_label_has_that_of_its_code(world: World) -> None:
    coding = {"system": "http://loinc.org", "code": "75622-1"}
    content = {"status": "final", "subject": {"reference": world.patient}, "effectiveDateTime": "2026-05-01"}
    sensitive = world.put("Observation", "hiv", **content, code={"coding": [coding]})
    world.choose(world.permit(label="N"))
    assert (ways(world, world.nurse, sensitive), ways(world, world.nurse, world.measured)) == (set(), EVERY_WAY)
    world.choose(world.permit(label="R"))
    assert ways(world, world.nurse, sensitive) == EVERY_WAY
    world.choose(world.permit(exceptions=[world.deny("Practitioner/w", label="R")]))
    assert (ways(world, world.nurse, sensitive), ways(world, world.nurse, world.measured)) == (set(), EVERY_WAY)


def test_a_draft_shows_who_would_see_other_resources_than_before(world: World) -> None:
    def tried(root: dict[str, Any]) -> set[tuple[str, str, str]]:
        client = {"reference": world.patient}
        reply = world.client.request(
            "POST", f"{world.patient}/$what-if", consent(root, "draft", patient=client, performer=[client])
        )
        assert reply.status == 200, reply.body
        found = set()
        for change in reply.json.get("parameter", ()):
            parts = {part["name"]: next(value for name, value in part.items() if name != "name") for part in change["part"]}
            if parts["category"]["code"] == "message" and parts["purpose"] in {"TREAT", "PATRQT"}:
                found.add((parts["who"]["reference"].partition("/")[2][0], parts["purpose"], parts["effect"]))
        return found

    world.choose(world.permit(), "general")
    by_nurse = (("authoredby", world.name("Practitioner/w")),)
    limited = provision("deny", world.name("RelatedPerson/d"), categories=["message"], data=by_nurse)
    assert tried(limited) == {("d", "TREAT", "some-items"), ("d", "PATRQT", "some-items")}
    world.choose(limited, "limited")
    told = world.client.get(f"{world.patient}/$who-can-see").json["parameter"]
    daughter = next(each["part"] for each in told if world.name("RelatedPerson/d") in str(each["part"][0]))
    marked = [part["part"] for part in daughter if part["name"] == "category" and "some-items-differ" in str(part)]
    assert [part[0]["valueCoding"]["code"] for part in marked] == ["message"]
    with_roles(world, d=CARER)
    lost = {(who, purpose, "loses") for who in "dw" for purpose in ("TREAT", "PATRQT")}
    assert tried(provision("deny", CARER, categories=["message"])) == lost, "of the nurse no function is known: it may be this one"
