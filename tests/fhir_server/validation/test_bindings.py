"""Required codes in code, Coding and CodeableConcept."""

from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.validation import validate
from fhir_server.validation.bindings import check_coding, required_set
from fhir_server.validation.location import root
from fhir_server.validation.walk import Walk
from profiles.definitions import Binding

Found = Callable[[Any], set[tuple[str, str]]]
SYSTEM = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [{"system": SYSTEM, "code": "active"}]},
        {"coding": [{"system": "http://example.org", "code": "x"}, {"system": SYSTEM, "code": "resolved"}], "text": "x"},
        {"extension": [ABSENT]},
        {"coding": [{"system": SYSTEM, "_code": {"extension": [ABSENT]}}]},
    ],
)
def test_a_concept_with_a_required_code(found: Found, allergy: dict[str, Any], concept: dict[str, Any]) -> None:
    assert found({**allergy, "clinicalStatus": concept}) == set()


@pytest.mark.parametrize(
    ("concept", "expression"),
    [
        ({"text": "actief"}, "AllergyIntolerance.clinicalStatus"),
        ({"coding": [{"system": SYSTEM, "code": "busy"}]}, "AllergyIntolerance.clinicalStatus.coding[0]"),
        ({"coding": [{"code": "active"}]}, "AllergyIntolerance.clinicalStatus.coding[0]"),
        ({"coding": [{"system": SYSTEM}]}, "AllergyIntolerance.clinicalStatus.coding[0]"),
        ({"coding": [{"code": "a"}, {"code": "b"}]}, "AllergyIntolerance.clinicalStatus"),
    ],
)
def test_a_concept_without_a_required_code(found: Found, allergy: dict[str, Any], concept: dict[str, Any], expression: str) -> None:
    assert found({**allergy, "clinicalStatus": concept}) == {("not-in-value-set", expression)}


def test_a_coding_needs_system_and_code() -> None:
    walk = Walk()
    check_coding({"system": "http://hl7.org/fhir/administrative-gender", "code": "female"}, GENDERS, root("Coding"), walk)
    assert walk.found == 0
    check_coding({"code": "female"}, GENDERS, root("Coding"), walk)
    assert walk.found == 1


def test_the_advice_lists_the_codes_and_never_the_value(patient: dict[str, Any]) -> None:
    (issue,) = validate({**patient, "gender": "geheim"})
    assert issue.code == "code-invalid"
    assert "female, male, other, unknown" in issue.text
    assert "geheim" not in issue.text


def test_other_strengths_and_endless_lists_demand_nothing(found: Found, patient: dict[str, Any]) -> None:
    assert required_set(Binding("extensible", GENDERS)) == required_set(None) == ""
    assert required_set(Binding("required", "http://hl7.org/fhir/ValueSet/mimetypes")) == ""
    assert required_set(Binding("required", GENDERS)) == GENDERS
    assert found({**patient, "language": "whatever"}) == set()
