"""Staff and relations come, change and leave: what the store says about a person counts on the next request."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from flows.client import Client, Demo
from flows.test_system import token

ENDED = {"start": "2020-01-01", "end": "2020-12-31"}


@pytest.fixture
def world(hub: Demo) -> "World":
    return World(hub)


class World:
    """A client with a network of their own, in the demo that other tests use too."""

    def __init__(self, hub: Demo) -> None:
        self.hub = hub
        self.system = hub.as_("system")
        self.mark = uuid.uuid4().hex[:10]
        self.put("Patient", "p", name=[{"family": "Bos"}])
        self.put("Organization", "o", name="Thuiszorg", type=[{"coding": [{"system": "urn:kinds", "code": "T2"}]}])
        self.put("Practitioner", "w", active=True, name=[{"family": "Vos"}])

    def put(self, type_: str, name_: str, **content: Any) -> str:
        reply = self.system.put({"resourceType": type_, "id": f"{name_}-{self.mark}", **content})
        assert reply.status in {200, 201}, reply.body
        return f"{type_}/{name_}-{self.mark}"

    def named(self, type_: str, name: str) -> dict[str, str]:
        return {"reference": f"{type_}/{name}-{self.mark}"}

    def role(self, name: str = "r", **content: Any) -> dict[str, str]:
        refers = {"practitioner": self.named("Practitioner", "w"), "organization": self.named("Organization", "o")}
        return {"reference": self.put("PractitionerRole", name, **{"active": True, **refers, **content})}

    def team(self, *members: Mapping[str, Any], name: str = "t", patient: str = "p") -> str:
        subject = {"subject": self.named("Patient", patient)} if patient else {}
        return self.put("CareTeam", name, status="active", participant=list(members), **subject)

    def as_(self, type_: str, name: str, role: str) -> Client:
        return token(self.hub, f"{type_}/{name}-{self.mark}", role, "user/*.cruds")

    def patient(self, who: Client) -> int:
        return who.get(f"Patient/p-{self.mark}").status


def test_a_role_makes_a_member_and_its_end_ends_it(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    world.team({"member": world.role()})
    assert world.patient(worker) == 200
    world.role(period=ENDED)
    refused = worker.get(f"Patient/p-{world.mark}")
    assert (refused.status, refused.detail) == (401, "person-left")
    assert "invalid_token" in refused.headers["www-authenticate"]
    world.role(period={"start": "2020-01-01"})
    assert world.patient(worker) == 200
    world.role(active=False)
    assert world.patient(worker) == 401


def test_a_practitioner_who_is_not_active_is_not_let_in(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    world.team({"member": world.named("Practitioner", "w")})
    assert world.patient(worker) == 200
    world.put("Practitioner", "w", active=False, name=[{"family": "Vos"}])
    assert world.patient(worker) == 401
    world.put("Practitioner", "w", active=True, name=[{"family": "Vos"}])
    assert world.patient(worker) == 200


def test_who_takes_part_for_an_organisation_takes_no_part_after_leaving_it(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    world.team({"member": world.named("Practitioner", "w"), "onBehalfOf": world.named("Organization", "o")})
    assert world.patient(worker) == 200, "a network may name an organisation that no PractitionerRole tells of"
    world.role()
    world.put("Organization", "other", name="Elders")
    world.role("elsewhere", organization=world.named("Organization", "other"))
    assert world.patient(worker) == 200
    world.role(period=ENDED)
    assert world.patient(worker) == 403
    assert worker.get(f"CareTeam?patient=p-{world.mark}").ids() == []


def test_a_next_page_is_closed_to_who_has_left(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    world.team({"member": world.role()})
    for name in ("one", "two"):
        world.team({"member": world.named("PractitionerRole", "r")}, name=name)
    first = worker.get(f"CareTeam?patient=p-{world.mark}&_count=1")
    (following,) = [link["url"] for link in first.json["link"] if link["relation"] == "next"]
    world.role(period=ENDED)
    assert worker.follow(following).status == 401


def test_relations_with_one_identifier_are_one_person(world: World) -> None:
    known = {"identifier": [{"system": "urn:people", "value": world.mark}]}
    world.put("Patient", "aunt", name=[{"family": "Bos"}])
    world.put("RelatedPerson", "a", patient=world.named("Patient", "p"), **known)
    world.put("RelatedPerson", "b", patient=world.named("Patient", "aunt"), **known)
    world.team({"member": world.named("RelatedPerson", "a")})
    world.team({"member": world.named("RelatedPerson", "b")}, name="u", patient="aunt")
    niece = world.as_("RelatedPerson", "a", "related-person")
    assert [world.patient(niece), niece.get(f"Patient/aunt-{world.mark}").status] == [200, 200]
    world.put("RelatedPerson", "a", patient=world.named("Patient", "p"), period=ENDED, **known)
    assert [world.patient(niece), niece.get(f"Patient/aunt-{world.mark}").status] == [403, 200]
    world.put("RelatedPerson", "b", patient=world.named("Patient", "aunt"), active=False, **known)
    assert world.patient(niece) == 401


def test_a_team_in_a_team_in_a_network_takes_its_members_along(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    world.team({"member": world.named("Organization", "o")}, name="outer", patient="")
    world.team({"member": world.named("Practitioner", "w")}, {"member": world.named("CareTeam", "outer")}, name="inner", patient="")
    world.team({"member": world.named("CareTeam", "inner")}, name="outer", patient="")
    world.team({"member": world.named("CareTeam", "outer")})
    assert world.patient(worker) == 200
    world.team({"member": world.named("CareTeam", "outer")}, name="inner", patient="")
    assert world.patient(worker) == 403


def test_who_is_deleted_is_gone(world: World) -> None:
    worker = world.as_("Practitioner", "w", "practitioner")
    assert worker.get("Patient?_count=1").status == 200
    assert world.system.request("DELETE", f"Practitioner/w-{world.mark}").status == 204
    assert worker.get("Patient?_count=1").status == 401
