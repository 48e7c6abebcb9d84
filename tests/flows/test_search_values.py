"""Searching over HTTP by quantity, composite, value set, type of identifier and part of a URL; and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from flows.client import Demo

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


def component(code: str, value: str) -> dict[str, Any]:
    quantity = {"value": float(value), "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity}


PRESSURE = {
    "resourceType": "Observation",
    "id": "pressure",
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]},
    ],
    "code": {"coding": [{"system": LOINC, "code": "85354-9", "display": "Bloeddruk"}]},
    "subject": {"reference": "Patient/ansje"},
    "effectiveDateTime": "2026-05-20T08:00:00+02:00",
    "component": [component("8480-6", "142"), component("8462-4", "88")],
}
FORM = {
    "resourceType": "Questionnaire",
    "id": "form",
    "status": "active",
    "url": "https://a.example/forms/falls/1",
    "meta": {
        "profile": ["https://a.example/profiles/form|2.1.3", "https://netwerkdossier.example/fhir/StructureDefinition/mandate"]
    },
    "useContext": [
        {
            "code": {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "age"},
            "valueRange": {"low": {"value": 65, "unit": "a"}},
        }
    ],
}


@pytest.fixture
def stored(hub: Demo) -> Iterator[Demo]:
    system = hub.as_("system")
    assert [system.put(each).status for each in (PRESSURE, FORM)] == [201, 201]
    yield hub
    assert [system.request("DELETE", path).status for path in ("Observation/pressure", "Questionnaire/form")] == [204, 204]


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Observation", "component-code-value-quantity", "8480-6$gt140", True),
        ("Observation", "component-code-value-quantity", f"{LOINC}|8480-6$142|{UCUM}|mm[Hg]", True),
        ("Observation", "component-code-value-quantity", "8462-4$gt140", False),
        ("Observation", "combo-value-quantity", "88||mmHg", True),
        ("Observation", "value-quantity:missing", "true", True),
        ("Observation", "code:text", "bloeddruk", True),
        ("Observation", "status", "http://hl7.org/fhir/observation-status|final", True),
        ("Observation", "status", "http://hl7.org/fhir/task-status|final", False),
        ("Observation", "category:in", "http://hl7.org/fhir/ValueSet/observation-category", True),
        ("Observation", "date", "2026-05-20T08:00+02:00", True),
        ("Questionnaire", "url:below", "https://a.example/forms", True),
        ("Questionnaire", "url:below", "https://a.example/form", False),
        ("Questionnaire", "url:above", "https://a.example/forms/falls/1/2", True),
        ("Questionnaire", "_profile:below", "https://a.example/profiles", True),
        ("Questionnaire", "_profile:below", "https://a.example/profiles/form|2.1", True),
        ("Questionnaire", "_profile:below", "https://a.example/profiles/form|2.1.30", False),
        ("Questionnaire", "_profile:below", "https://a.example/profiles/form|2.1.", False),
        ("Questionnaire", "_profile:below", "https://netwerkdossier.example/fhir", True),
        ("Questionnaire", "_profile:below", "https://netwerkdossier.example/f", False),
        ("Questionnaire", "_profile:above", "https://a.example/profiles/form|2.1.3.7", True),
        ("Questionnaire", "_profile:above", "https://a.example/profiles/form|2.1", False),
        ("Questionnaire", "context-type-quantity", "age$ge80", True),
        ("Questionnaire", "context-type-quantity", "age$lt60", False),
    ],
)
def test_what_is_found(stored: Demo, type_: str, name: str, value: str, *, expected: bool) -> None:
    about = [("patient", "Patient/ansje")] if type_ == "Observation" else []
    reply = stored.as_("system").search(type_, *about, (name, value))
    assert reply.status == 200, reply.body
    assert (("Observation/pressure" if about else "Questionnaire/form") in reply.ids()) is expected


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("value-quantity", "much", "search-value"),
        ("code-value-quantity", "8480-6", "search-value"),
        ("code:below", "8480-6", "search-modifier"),
        ("code:in", "http://a.example/none", "search-value"),
    ],
)
def test_what_is_refused(hub: Demo, name: str, value: str, detail: str) -> None:
    reply = hub.as_("system").search("Observation", ("patient", "Patient/ansje"), (name, value))
    assert (reply.status, reply.detail) == (400, detail)


def test_a_composite_is_declared_as_one(hub: Demo) -> None:
    types = {each["type"]: each for each in hub.as_("system").get("metadata").json["rest"][0]["resource"]}
    declared = {each["name"]: each["type"] for each in types["Observation"]["searchParam"]}
    assert (declared["code-value-quantity"], declared["value-quantity"]) == ("composite", "quantity")
