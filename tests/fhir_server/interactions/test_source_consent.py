"""What is known of a resource from a source, as the choices of a client are about it."""

import pytest

from fhir_server.access.consent import Item
from fhir_server.catalog.catalog import load
from fhir_server.interactions.source_consent import item_of
from fhir_server.search.values import DAY, Range, instant

BASE = "https://hub.test/fhir"
TYPES = load().types
HIV = {"coding": [{"system": "http://snomed.info/sct", "code": "86406008"}]}
DEPRESSION = {"coding": [{"system": "http://hl7.org/fhir/sid/icpc-1-nl", "code": "P76.01"}]}
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LOW = instant("2026-05-01T00:00:00+02:00")


@pytest.mark.parametrize(
    ("code", "security", "labels"),
    [
        ({"text": "x"}, [], ("N",)),
        (HIV, [], ("R",)),
        (DEPRESSION, [], ("R",)),
        (HIV, [{"system": CONFIDENTIALITY, "code": "N"}], ("N",)),
    ],
)
def test_item(code: object, security: list[object], labels: tuple[str, ...]) -> None:
    resource = {
        "resourceType": "Condition",
        "id": "own",
        **({"meta": {"security": security}} if security else {}),
        "code": code,
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": f"{BASE}/Encounter/e"},
        "recordedDate": "2026-05-01",
        "recorder": {"reference": "Practitioner/r"},
    }
    found = item_of(resource, TYPES["Condition"], BASE, "Condition/sealed")
    refers = ("Patient/p", "Encounter/e", "Practitioner/r")
    assert found == Item("Condition/sealed", labels, (), Range(LOW, LOW + DAY), refers)
    assert item_of(resource, None, BASE).reference == "Condition/own"
