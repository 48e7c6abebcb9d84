"""The id and extensions of primitives (https://hl7.org/fhir/R4/json.html#primitive)."""

from collections.abc import Callable
from typing import Any

import pytest

Found = Callable[[Any], set[tuple[str, str]]]
WHY = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def test_an_extension_stands_for_a_required_value(found: Found, task: dict[str, Any]) -> None:
    del task["status"]
    assert found({**task, "_status": WHY}) == set()


def test_an_extension_stands_for_a_required_choice(found: Found) -> None:
    communication = {"resourceType": "Communication", "status": "completed", "payload": [{"_contentString": WHY}]}
    assert found(communication) == set()


@pytest.mark.parametrize(
    ("shadow", "detail", "expression"),
    [
        ({"id": "a"}, "empty", "Patient.birthDate"),
        ({}, "empty", "Patient.birthDate"),
        (None, "null", "Patient.birthDate"),
        ("x", "wrong-type", "Patient.birthDate"),
        ([WHY], "wrong-type", "Patient.birthDate"),
        ({**WHY, "value": "x"}, "unknown-element", "Patient.birthDate.value"),
        ({"extension": [{"url": "x"}]}, "ext-1", "Patient.birthDate.extension[0]"),
        ({"extension": []}, "empty", "Patient.birthDate.extension"),
    ],
)
def test_faults_of_a_shadow(found: Found, shadow: object, detail: str, expression: str) -> None:
    assert found({"resourceType": "Patient", "_birthDate": shadow}) == {(detail, expression)}


def test_an_id_beside_a_value_is_fine(found: Found) -> None:
    assert found({"resourceType": "Patient", "birthDate": "1940", "_birthDate": {"id": "a"}}) == set()


def test_a_complex_element_has_no_shadow(found: Found) -> None:
    assert found({"resourceType": "Patient", "_name": [WHY]}) == {("unknown-element", "Patient._name")}


def test_choices_of_two_types_over_a_shadow(found: Found) -> None:
    assert found({"resourceType": "Patient", "deceasedBoolean": True, "_deceasedDateTime": WHY}) == {
        ("choice-twice", "Patient.deceased")
    }
    assert found({"resourceType": "Patient", "deceasedBoolean": True, "_deceasedBoolean": WHY}) == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"given": ["a", None], "_given": [None, WHY]}, set()),
        ({"_given": [WHY]}, set()),
        ({"given": ["a", "b"], "_given": [None, WHY]}, set()),
        ({"given": ["a", None]}, {("null", "Patient.name[0].given[1]")}),
        ({"given": ["a", None], "_given": [WHY, None]}, {("null", "Patient.name[0].given[1]")}),
        ({"given": ["a"], "_given": [WHY, WHY]}, {("misaligned", "Patient.name[0].given")}),
        ({"_given": [None]}, {("null", "Patient.name[0].given[0]")}),
        ({"_given": WHY}, {("wrong-type", "Patient.name[0].given")}),
        ({"given": ["a"], "_given": []}, {("empty", "Patient.name[0].given")}),
        ({"given": [None], "_given": [{"id": "x"}]}, {("empty", "Patient.name[0].given[0]")}),
    ],
)
def test_arrays_are_aligned(found: Found, name: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found({"resourceType": "Patient", "name": [name]}) == expected
