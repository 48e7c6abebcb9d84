"""What each role gets of a client and of a professional, on every way that leads to them."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flows.client import Demo
from flows.test_system import token

Json = dict[str, Any]
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">1938</div>'
TEXT = {"status": "generated", "div": DIV}
PATIENT = {"maritalStatus", "multipleBirthInteger"}
SEEN = {
    "system": (set(), set()),
    "gp": (set(), {"birthDate"}),
    "client": (set(), {"birthDate"}),
    "welfare": (PATIENT, {"birthDate"}),
    "daughter": (PATIENT, {"birthDate"}),
}
"""What is missing of the client, and of the professional."""


@pytest.fixture(scope="module")
def mark(hub: Demo) -> Iterator[str]:
    """Make a client with a network, in which somebody of the social domain takes part too; end the network when all is done."""
    system, mark = hub.as_("system"), uuid.uuid4().hex[:8]
    subject = {"reference": f"Patient/{mark}"}
    members = [f"Practitioner/{mark}", f"Practitioner/w{mark}", "Practitioner/gp-harmsen", f"RelatedPerson/{mark}"]
    married = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]}
    made: list[Json] = [
        {"resourceType": "Patient", "id": mark, "maritalStatus": married, "multipleBirthInteger": 2},
        {"resourceType": "Practitioner", "id": mark},
        {"resourceType": "Practitioner", "id": f"w{mark}"},
        {"resourceType": "RelatedPerson", "id": mark, "patient": subject},
    ]
    for each in made:
        assert system.put({**each, "text": TEXT, "birthDate": "1938-05-02", "active": True}).status == 201
    team = {"resourceType": "CareTeam", "id": mark, "status": "active", "subject": subject}
    assert system.put({**team, "participant": [{"member": {"reference": each}} for each in members]}).status == 201
    yield mark
    assert system.request("DELETE", f"CareTeam/{mark}").status == 204


def seen_by(hub: Demo, mark: str, who: str) -> Any:
    match who:
        case "client":
            return token(hub, f"Patient/{mark}", "patient", "patient/*.rs")
        case "daughter":
            return token(hub, f"RelatedPerson/{mark}", "related-person", "user/*.rs")
        case "welfare":
            return token(hub, f"Practitioner/w{mark}", "practitioner", "user/*.rs")
    return hub.as_(who)


def entries(body: Json) -> Iterator[Json]:
    """Yield the resources in an answer."""
    if body["resourceType"] != "Bundle":
        yield body
        return
    for each in body["entry"]:
        if "resource" in each:
            yield from entries(each["resource"])


@pytest.mark.parametrize("who", SEEN)
def test_what_each_role_gets(hub: Demo, mark: str, who: str) -> None:
    caller, missing = seen_by(hub, mark, who), dict(zip(("Patient", "Practitioner"), SEEN[who], strict=True))
    ways = [
        f"Patient/{mark}",
        f"Patient/{mark}/_history/1",
        f"Patient/{mark}/_history",
        f"Patient?_id={mark}",
        f"Practitioner/{mark}",
        f"Practitioner?_id={mark}",
        f"CareTeam?_id={mark}&_include=CareTeam:patient&_include=CareTeam:participant",
        f"Patient/{mark}/$everything",
    ]
    bodies = {path: caller.get(path) for path in ways}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": each}} for each in ways[:6]]}
    bodies["batch"] = caller.request("POST", "/fhir", batch)
    whole = {
        each["resourceType"]: each
        for each in (hub.as_("system").get(f"{name}/{mark}").json for name in ("Patient", "Practitioner"))
    }
    for way, reply in bodies.items():
        assert reply.status == 200, (way, reply.body)
        found = [each for each in entries(reply.json) if each["resourceType"] in whole and each["id"] == mark]
        assert found, way
        for each in found:
            lost = missing[each["resourceType"]]
            assert set(whole[each["resourceType"]]) - set(each) == (lost | {"text"} if lost else set()), way
            tags = {tag["code"] for tag in each["meta"].get("tag", ())}
            assert ("SUBSETTED" in tags) == bool(lost), way
    if SEEN[who][0]:
        assert b"maritalStatus" not in caller.get(f"Patient/{mark}", Accept="application/fhir+xml").body


def test_people_get_all_of_what_is_about_themselves(hub: Demo, mark: str) -> None:
    own = seen_by(hub, mark, "welfare").get(f"Practitioner/w{mark}").json
    assert own["birthDate"] == "1938-05-02"
    assert own["text"]["div"] == DIV
