"""Valid resources to start from, and what validation finds as (detail, expression)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.validation import validate

Found = set[tuple[str, str]]


@pytest.fixture(scope="session")
def found() -> Callable[[Any], Found]:
    return lambda resource: {(issue.detail, issue.expression) for issue in validate(resource)}


@pytest.fixture
def patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "ab-1",
        "meta": {"profile": ["http://example.org/StructureDefinition/client"]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Mw. T. Verzonnen</p></div>'},
        "extension": [{"url": "http://example.org/team", "valueReference": {"reference": "CareTeam/1"}}],
        "identifier": [{"system": "http://example.org/number", "value": "12", "period": {"start": "2020-01", "end": "2021"}}],
        "active": True,
        "name": [{"use": "official", "family": "Verzonnen", "given": ["Truus", "Anna"]}],
        "telecom": [{"system": "phone", "value": "0600000000", "rank": 1}],
        "gender": "female",
        "birthDate": "1940-02-29",
        "deceasedBoolean": False,
        "contact": [{"name": {"family": "Bedacht"}, "relationship": [{"text": "dochter"}]}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "nl"}]}, "preferred": True}],
        "generalPractitioner": [{"reference": "Practitioner/7", "type": "Practitioner"}],
        "managingOrganization": {"reference": "Organization/9"},
    }


@pytest.fixture
def observation() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": "Patient/ab-1"},
        "effectiveDateTime": "2024-05-06T07:08:09+02:00",
        "valueQuantity": {"value": Decimal("71.50"), "system": "http://unitsofmeasure.org", "code": "kg"},
    }


@pytest.fixture
def task() -> dict[str, Any]:
    return {"resourceType": "Task", "status": "requested", "intent": "order", "owner": {"reference": "Practitioner/7"}}


@pytest.fixture
def allergy() -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
        },
        "patient": {"reference": "Patient/ab-1"},
    }
