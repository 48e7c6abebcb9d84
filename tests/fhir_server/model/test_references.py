"""The literal references of a resource: all of them, with their places, and nothing else."""

from typing import Any

import pytest

from fhir_server.model.references import literals, local, places, targets

BASE = "https://hub.example/fhir"


def refers(literal: str) -> dict[str, Any]:
    return {"reference": literal}


CONTAINED = {"resourceType": "Location", "id": "c", "partOf": refers("Location/1")}
TASK = {
    "resourceType": "Task",
    "contained": [CONTAINED],
    "extension": [{"url": "https://x.example/a", "valueReference": refers("Organization/2")}],
    "_status": {"extension": [{"url": "https://x.example/b", "valueReference": refers("Organization/3")}]},
    "for": {"reference": f"{BASE}/Patient/4", "type": "Patient", "identifier": {"assigner": refers("Organization/5")}},
    "focus": refers("#c"),
    "basedOn": [refers("CarePlan/6/_history/2"), {"display": "none"}, refers("Location/1")],
    "input": [{"type": {"text": "t"}, "valueReference": refers("https://elsewhere.example/fhir/Patient/7")}],
    "instantiatesUri": "Patient/8",
}
EXPECTED = {
    "Task.contained[0].partOf.reference": "Location/1",
    "Task.extension[0].value.reference": "Organization/2",
    "Task.status.extension[0].value.reference": "Organization/3",
    "Task.for.reference": f"{BASE}/Patient/4",
    "Task.for.identifier.assigner.reference": "Organization/5",
    "Task.focus.reference": "#c",
    "Task.basedOn[0].reference": "CarePlan/6/_history/2",
    "Task.basedOn[2].reference": "Location/1",
    "Task.input[0].value.reference": "https://elsewhere.example/fhir/Patient/7",
}


def test_every_reference_with_its_place() -> None:
    assert dict(places(TASK)) == EXPECTED
    assert sorted(literals(TASK)) == sorted(EXPECTED.values())


def test_what_lies_here_once() -> None:
    expected = {"Location/1", "Organization/2", "Organization/3", "Patient/4", "Organization/5", "CarePlan/6"}
    found = targets(TASK, BASE)
    assert (set(found), len(found)) == (expected, len(expected))


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1"),
        ("Patient/1#part", "Patient/1"),
        (f"{BASE}/Patient/1", "Patient/1"),
        ("https://other.example/fhir/Patient/1", ""),
        ("#part", ""),
        ("urn:uuid:0b6c2f6e-4a5e-4c0e-9c5e-000000000001", ""),
        ("Patient?identifier=1", ""),
        ("Patient", ""),
    ],
)
def test_where_a_literal_points(literal: str, expected: str) -> None:
    assert local(literal, BASE) == expected


def test_what_only_has_the_name_is_no_reference() -> None:
    expression = {"language": "text/fhirpath", "reference": "Patient/1"}
    resource = {"resourceType": "Task", "extension": [{"url": "https://x.example/a", "valueExpression": expression}]}
    assert literals(resource) == []
    assert list(places(resource)) == []


def test_what_is_no_resource_has_none() -> None:
    assert list(places({"resourceType": "Nonsense", "x": refers("Patient/1")})) == []
