"""How a client directs the network, over HTTP: with a token each, in JSON and XML, as docs/network.md has it."""

from collections.abc import Iterator
from typing import Any

import pytest
from engines import PostgresServer
from flows.client import Reply
from flows.networked import Networked, networked

TEAM = "CareTeam/network-ansje"
OUTSIDER = "Practitioner/gp-elders"
WORKER = {"resourceType": "Practitioner", "id": "welfare", "active": True, "name": [{"family": "Smit"}]}
MAIL = "smit@welzijn.example"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp(f"directing-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("directing_http", "template1")
    with networked(folder, database) as started:
        yield started


def given(**values: dict[str, Any]) -> dict[str, Any]:
    parts = [{"name": name.replace("_", "-"), **value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": parts}


def to(reference: str) -> dict[str, Any]:
    return {"valueReference": {"reference": reference}}


def invited(hub: Networked, who: dict[str, Any], role: str = "core", by: str = "client") -> Reply:
    return hub.as_(by).request("POST", f"{TEAM}/$invite", given(who=who, role={"valueCode": role}))


def test_from_invitation_to_leaving(hub: Networked) -> None:
    client, outsider = hub.as_("client"), hub.as_("outsider")
    made = invited(hub, to(OUTSIDER))
    assert made.status == 201, made.body
    task = f"Task/{made.json['id']}"
    assert made.headers["location"].endswith(f"{task}/_history/1")
    assert outsider.get("Patient/ansje").status == 403
    found = outsider.search("Task", ("code", "invitation"), ("_include", "Task:patient"), ("_include", "Task:requester"))
    assert found.ids() == [task]
    assert found.ids("include") == []
    assert outsider.get(task).status == 200
    accepted = outsider.request("POST", f"{task}/$accept")
    assert (accepted.status, accepted.json["status"], accepted.headers["etag"]) == (200, "completed", 'W/"2"')
    assert outsider.get("Patient/ansje").status == 200
    there = client.search("CareTeam", ("patient", "Patient/ansje"), ("role", "core"), ("_include", "CareTeam:participant"))
    assert there.ids() == [TEAM]
    assert OUTSIDER in there.ids("include")
    left = outsider.request("POST", f"{TEAM}/$leave", b"", Accept="application/fhir+xml")
    assert (left.status, b"<CareTeam xmlns" in left.body) == (200, True)
    assert outsider.get("Patient/ansje").status == 403
    assert outsider.get(TEAM).status == 403
    for interaction in ("$invite", "$accept", "$leave"):
        (line,) = [each for each in hub.lines(interaction) if each.status < 400]
        assert line.dossier == "Patient/ansje"


def test_somebody_is_invited_by_mail_before_they_are_known(hub: Networked) -> None:
    task = f"Task/{invited(hub, {'valueContactPoint': {'system': 'email', 'value': MAIL}}, 'social-domain').json['id']}"
    system = hub.as_("system")
    assert system.put(WORKER | {"telecom": [{"system": "email", "value": MAIL.upper()}]}).status == 201
    worker = hub.acting("Practitioner/welfare", "practitioner")
    assert worker.search("Task", ("code", "invitation")).ids() == [task]
    xml = b'<parameter><name value="reason"/><valueString value="Vol"/></parameter>'
    xml = b'<Parameters xmlns="http://hl7.org/fhir">' + xml + b"</Parameters>"
    declined = worker.request("POST", f"{task}/$decline", xml, Content_Type="application/fhir+xml")
    assert (declined.status, declined.json["status"]) == (200, "rejected")
    assert worker.get("Task").ids() == []


@pytest.mark.parametrize(
    ("person", "scope", "status", "detail"),
    [
        ("outsider", "", 403, "not-directing"),
        ("gp", "", 403, "not-directing"),
        ("operator", "", 403, ""),
        ("client", "patient/*.rs", 403, "insufficient_scope"),
        ("client", "patient/CareTeam.u", 201, ""),
        ("daughter", "", 201, ""),
        ("system", "", 201, ""),
    ],
)
def test_who_invites(hub: Networked, person: str, scope: str, status: int, detail: str) -> None:
    body = given(who=to(OUTSIDER), role={"valueCode": "shell"}, message={"valueString": f"{person} {scope}"})
    reply = hub.as_(person, scope=scope).request("POST", f"{TEAM}/$invite", body)
    assert reply.status == status, reply.body
    assert not detail or reply.detail == detail


def test_a_token_for_one_client_directs_no_other_network(hub: Networked) -> None:
    body = given(who=to(OUTSIDER), role={"valueCode": "core"})
    for person, status in (("system", 403), ("client", 403)):
        bound = hub.as_(person, scope="patient/*.cruds", patient="other-client")
        assert bound.request("POST", f"{TEAM}/$invite", body).status == status
    task = f"Task/{invited(hub, to(OUTSIDER), 'volunteer').json['id']}"
    bound = hub.as_("outsider", scope="patient/*.cruds", patient="other-client")
    assert bound.request("POST", f"{task}/$accept").detail == "not-invited"
    assert task not in bound.get("Task").ids()
    assert hub.as_("client").request("POST", f"{task}/$cancel").status == 200


def test_the_operations_are_declared(hub: Networked) -> None:
    declared = {each["type"]: each for each in hub.as_("client").get("metadata").json["rest"][0]["resource"]}
    named = {type_: {each["name"] for each in declared[type_].get("operation", ())} for type_ in ("CareTeam", "Task")}
    assert {"invite", "leave", "remove", "delegate"} <= named["CareTeam"]
    assert {"accept", "decline", "cancel"} <= named["Task"]


def test_a_second_director_is_refused_on_every_way(hub: Networked) -> None:
    system = hub.as_("system")
    team = system.get(TEAM).json
    role = [{"coding": [{"system": "https://netwerkdossier.example/fhir/CodeSystem/network-role", "code": "director"}]}]
    doubled = team | {"participant": [each | {"role": role} for each in team["participant"][:3]]}
    assert system.put(doubled).detail == "second-director"
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": doubled, "request": {"method": "PUT", "url": TEAM}}],
    }
    assert system.request("POST", "", bundle).status == 422
    patch = [{"op": "replace", "path": "/participant", "value": doubled["participant"]}]
    assert system.request("PATCH", TEAM, patch, Content_Type="application/json-patch+json").detail == "second-director"
    assert system.get(TEAM).json["meta"]["versionId"] == team["meta"]["versionId"]
