"""``$validate`` says before what a write would say: on the form, on profiles, on what is stored; and keeps nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dossier_room import CLIENT, DAUGHTER, NURSE, OUTSIDER, SYSTEM, Room, actor, ref, room
from engines import PostgresServer

from fhir_server.access.scope import parse_scopes
from fhir_server.catalog import catalog
from fhir_server.errors import BadRequest, FhirError, Forbidden, Malformed
from fhir_server.interactions.route import route
from fhir_server.operations import ROUTES

Json = dict[str, Any]
OZO = "http://ozoverbindzorg.nl/fhir/StructureDefinition/"
TASK: Json = {"resourceType": "Task", "status": "requested", "intent": "order", "for": ref(CLIENT), "owner": ref(NURSE)}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("validate", "template1")
    with room(tmp_path_factory.mktemp("validate"), database) as found:
        yield found


def issues(hub: Room, body: object, on: str = "Task", who: Any = NURSE) -> list[tuple[str, str, str]]:
    """Return severity, code of the hub's own or of FHIR, and place of each issue."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
    answer = hub.operate(who, "validate", on, sent)
    outcome = json.loads(answer.body)
    assert (answer.status, outcome["resourceType"]) == (200, "OperationOutcome")
    return [
        (each["severity"], each["details"].get("coding", [each])[0]["code"], *each.get("expression", [""]))
        for each in outcome["issue"]
    ]


def parameters(**given: object) -> Json:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": given.pop("resource")}, *map(part, given.items())],
    }


def part(given: tuple[str, object]) -> Json:
    name, value = given
    return {"name": name, {"mode": "valueCode", "profile": "valueUri"}[name]: value}


FINE = [("information", "informational", "")]


def test_nothing_wrong(hub: Room) -> None:
    before = len(hub.stored("Task"))
    assert issues(hub, TASK) == FINE
    assert issues(hub, parameters(resource=TASK, mode="create")) == FINE
    assert len(hub.stored("Task")) == before


BODIES: list[Json] = [
    {key: value for key, value in TASK.items() if key != "status"},
    TASK | {"status": "unheard-of"},
    TASK | {"colour": "blue"},
    TASK | {"for": ref("Organization/care") | {"type": 3}},
    TASK | {"authoredOn": "2026-13-01"},
    TASK | {"resourceType": "Patient"},
    TASK,
    TASK | {"description": "more"},
    TASK | {"implicitRules": "https://x.example/rules"},
    TASK | {"modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]},
]


@pytest.mark.parametrize("body", BODIES)
def test_it_says_what_a_write_says(hub: Room, body: Json) -> None:
    told = {(code, place) for severity, code, place in issues(hub, body, body["resourceType"]) if severity == "error"}
    refused: set[tuple[str, str]] = set()
    try:
        hub.write(SYSTEM, body)
    except FhirError as error:
        refused = {(each.detail, each.expression) for each in error.issues if each.severity == "error"}
    assert bool(told) == bool(refused)
    assert refused <= told


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({**TASK, "resourceType": "Patient"}, ("error", "type-mismatch", "resourceType")),
        (parameters(resource=TASK, mode="update"), ("error", "id-missing", "Task.id")),
        (parameters(resource=TASK | {"id": "x"}, mode="create"), ("information", "id-not-kept", "Task.id")),
        (parameters(resource=TASK, profile="https://x.example/other"), ("error", "profile-unknown", "")),
        (TASK | {"meta": {"profile": ["https://x.example/other"]}}, ("warning", "profile-unknown", "")),
        (parameters(resource=TASK, profile=OZO + "OZOPatient"), ("error", "profile-type", "resourceType")),
        (parameters(resource=3), ("error", "wrong-type", "Resource")),
    ],
)
def test_what_is_wrong(hub: Room, body: Json, found: tuple[str, str, str]) -> None:
    told = issues(hub, body)
    assert found in told
    assert FINE[0] not in told


def test_a_profile_that_is_known_is_looked_at(hub: Room) -> None:
    bare = {"resourceType": "CareTeam", "status": "active", "subject": ref(CLIENT)}
    assert issues(hub, bare, "CareTeam") == FINE
    told = issues(hub, parameters(resource=bare, profile=OZO + "OZOCareTeam"), "CareTeam")
    assert told
    assert {severity for severity, _, _ in told} == {"error"}
    assert all(place.startswith("CareTeam.") for _, _, place in told)
    assert issues(hub, parameters(resource=bare, profile="http://hl7.org/fhir/StructureDefinition/CareTeam"), "CareTeam") == FINE


def test_what_is_stored_is_looked_at_as_far_as_it_may_be_read(hub: Room) -> None:
    assert issues(hub, None, CLIENT, DAUGHTER)
    with pytest.raises(FhirError) as outside:
        hub.operate(OUTSIDER, "validate", CLIENT)
    with pytest.raises(FhirError) as absent:
        hub.operate(OUTSIDER, "validate", "Patient/nobody")
    assert (outside.value.status, absent.value.status) == (403, 404)  # as reading them
    assert ("error", "id-mismatch", "Patient.id") in issues(hub, {"resourceType": "Patient", "id": "other"}, CLIENT)


def test_what_cannot_be_asked(hub: Room) -> None:
    for body in (
        b"",
        json.dumps(parameters(resource=TASK, mode="delete")).encode(),
        json.dumps(parameters(resource=TASK) | {"parameter": [{"name": "other", "valueCode": "x"}]}).encode(),
        json.dumps({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": TASK}] * 2}).encode(),
    ):
        with pytest.raises(BadRequest):
            hub.operate(NURSE, "validate", "Task", body)
    with pytest.raises(Malformed):
        hub.operate(NURSE, "validate", "Task", b'{"resourceType": "Task", "id": "a", "id": "b"}')
    with pytest.raises(Forbidden) as refused:
        hub.operate(replace(actor(NURSE), scopes=parse_scopes("user/Patient.rs")), "validate", "Task", json.dumps(TASK).encode())
    assert refused.value.issues[0].detail == "insufficient_scope"


def test_it_is_called_on_every_type_and_on_no_other_path() -> None:
    types = catalog.load()
    for name in types.types:
        assert route(types, "POST", (name, "$validate"), operations=ROUTES)[:3] == ("$validate", name, "")
        assert route(types, "POST", (name, "a", "$validate"), operations=ROUTES)[:3] == ("$validate", name, "a")
    for segments in (("Resource", "$validate"), ("Resource", "a", "$validate"), ("$validate",), ("Task", "a", "b", "$validate")):
        with pytest.raises(FhirError) as refused:
            route(types, "POST", segments, operations=ROUTES)
        assert refused.value.status == 404
