"""What people write they write in their own name, to their own network, and without taking off labels."""

from collections.abc import Iterator
from typing import Any

import pytest
from consents import consent, provision
from flows.client import Demo
from flows.two_dossiers import World

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
HUB_TAG = "https://netwerkdossier.example/fhir/CodeSystem/hub-tag"


@pytest.fixture(scope="module")
def world(hub: Demo) -> Iterator[World]:
    made = World(hub)
    yield made
    for each in made.callers.values():
        each.close()


def people(world: World) -> dict[str, str]:
    return {
        "member": world.people["member"],
        "carer": world.own.reference("RelatedPerson"),
        "client": world.own.patient,
        "stranger": world.people["stranger"],
    }


def message(world: World, sender: str, *recipients: str, **more: Any) -> dict[str, Any]:
    made = {"resourceType": "Communication", "status": "completed", "subject": {"reference": world.own.patient}, **more}
    made["sender"] = {"reference": sender}
    return {**made, "recipient": [{"reference": each} for each in recipients]} if recipients else made


def request(world: World, requester: str, **more: Any) -> dict[str, Any]:
    subject = {"reference": world.own.patient}
    made = {"resourceType": "CommunicationRequest", "status": "active", "subject": subject}
    return {**made, "requester": {"reference": requester}, **more}


def receipt(*agents: tuple[str, bool]) -> dict[str, Any]:
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"reference": who}, "requestor": requestor} for who, requestor in agents],
        "source": {"observer": {"display": "app"}},
    }


@pytest.mark.parametrize("role", ["member", "carer", "client"])
def test_everybody_writes_in_their_own_name(world: World, role: str) -> None:
    caller, who = world.callers[role], people(world)
    for name, reference in who.items():
        expected = 201 if name == role else 403
        other = who["carer" if role == "member" else "member"]
        for body in (message(world, reference), request(world, reference), receipt((reference, True))):
            assert caller.request("POST", body["resourceType"], body).status == expected, (name, body)
        if name == role:
            refused = caller.request("POST", "CommunicationRequest", request(world, reference, sender={"reference": other}))
            assert (refused.status, refused.json["issue"][0]["expression"]) == (403, ["CommunicationRequest.sender"])
            own = request(world, reference, sender={"reference": reference})
            assert caller.request("POST", "CommunicationRequest", own).status == 201
            both = receipt((reference, True), (other, True))
            assert caller.request("POST", "AuditEvent", both).status == 403
            assert caller.request("POST", "AuditEvent", receipt((reference, True), (other, False))).status == 201


def test_nobody_writes_in_the_name_of_a_team_that_they_are_not_in(world: World) -> None:
    caller, who = world.callers["member"], people(world)
    url = "http://ozoverbindzorg.nl/fhir/StructureDefinition/ozo-sender-careteam"
    wards = {}
    for name, member in (("own", who["member"]), ("other", who["stranger"])):
        wards[name] = f"CareTeam/{name}-ward-{world.own.mark}"
        ward = {"resourceType": "CareTeam", "id": wards[name].partition("/")[2], "status": "active", "name": name}
        assert world.system.put({**ward, "participant": [{"member": {"reference": member}}]}).status == 201

    def begin(team: str) -> Any:
        extension = [{"url": "https://other.example", "valueString": "x"}, {"url": url, "valueReference": {"reference": team}}]
        return caller.request("POST", "CommunicationRequest", request(world, who["member"], extension=extension))

    for team in (wards["other"], world.foreign.reference("CareTeam"), "CareTeam/nobody"):
        refused = begin(team)
        assert (refused.status, refused.json["issue"][0]["expression"]) == (403, ["CommunicationRequest.extension[1].value"]), team
    begun = begin(wards["own"])
    assert begun.status == 201
    left = {"resourceType": "CareTeam", "id": wards["own"].partition("/")[2], "status": "active", "name": "own"}
    assert world.system.put({**left, "participant": [{"member": {"reference": who["stranger"]}}]}).status == 200
    closed = caller.request("PUT", f"CommunicationRequest/{begun.json['id']}", {**begun.json, "status": "completed"})
    assert closed.status == 200, "who left the team closes what they began"


def test_a_message_goes_to_the_own_network(world: World) -> None:
    caller, who = world.callers["member"], people(world)
    assert caller.request("POST", "Communication", message(world, who["member"], who["carer"], who["client"])).status == 201
    assert caller.request("POST", "Communication", message(world, who["member"], world.own.reference("CareTeam"))).status == 201
    department = f"CareTeam/d-{world.own.mark}"
    made = {"resourceType": "CareTeam", "id": department.partition("/")[2], "status": "active", "name": "Wijkteam"}
    assert world.system.put(made).status == 201
    assert caller.request("POST", "Communication", message(world, who["member"], department)).status == 201
    outside = (
        who["stranger"],
        "Practitioner/nobody",
        world.foreign.reference("RelatedPerson"),
        world.absent.reference("RelatedPerson"),
    )
    refusals = [caller.request("POST", "Communication", message(world, who["member"], each)) for each in outside]
    assert {each.status for each in refusals} == {403}
    assert len({each.body for each in refusals}) == 1


def test_labels_are_not_taken_off(world: World) -> None:
    client, subject = world.callers["client"], {"reference": world.own.patient}
    root = provision("permit", world.own.reference("CareTeam"), purposes=("TREAT",))
    made = consent(root, f"labels-{world.own.mark}", patient=subject, performer=[subject])

    def labelled(*codes: str) -> dict[str, Any]:
        return {**made, "meta": {"security": [{"system": CONFIDENTIALITY, "code": each} for each in codes]}} if codes else made

    path = f"Consent/{made['id']}"
    assert client.request("PUT", path, labelled("N")).status == 201
    assert client.request("PUT", path, labelled("R")).status == 200
    for lower in ((), ("N",), ("U", "L")):
        refused = client.request("PUT", path, labelled(*lower))
        assert (refused.status, refused.detail) == (403, "label-lowered"), lower
    patch = [{"op": "remove", "path": "/meta/security"}]
    assert client.request("PATCH", path, patch, Content_Type="application/json-patch+json").status in {403, 405}
    assert client.request("PUT", path, labelled("V")).status == 200
    assert world.system.put(made).status == 200


@pytest.mark.parametrize("role", ["member", "system"])
def test_the_tags_of_the_server_are_its_own(world: World, role: str) -> None:
    body = message(world, world.people["member"], meta={"tag": [{"system": HUB_TAG, "code": "federated"}]})
    caller = world.system if role == "system" else world.callers[role]
    refused = caller.request("POST", "Communication", body)
    assert (refused.status, refused.detail) == (422, "tag-of-server")
