"""What a profile says of single values: fixed, patterned, bounded, typed, and which rules they keep."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from packages import OURS, Json, errors, profile, profiles_of, warnings

from fhir_server.validation.packaged.values import equals, matches

OBSERVATION: Json = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
PATIENT: Json = {"resourceType": "Patient"}


@pytest.mark.parametrize(
    ("value", "wanted", "equal", "has"),
    [
        ("a", "a", True, True),
        ("a", "b", False, False),
        (1, True, False, False),
        (Decimal("1.0"), 1, True, True),
        ({"a": 1, "b": 2}, {"a": 1}, False, True),
        ({"a": 1}, {"a": 1, "b": 2}, False, False),
        ({"a": [{"b": 1}, {"c": 2}]}, {"a": [{"c": 2}]}, False, True),
        ({"a": [{"c": 2}]}, {"a": [{"c": 2}]}, True, True),
        ([], [1], False, False),
        (None, {"a": 1}, False, False),
    ],
)
def test_fixed_values_and_patterns(value: Any, wanted: Any, equal: bool, has: bool) -> None:  # noqa: FBT001
    assert (equals(value, wanted), matches(value, wanted)) == (equal, has)


@pytest.fixture
def found(tmp_path: Path) -> Any:
    def look(resource: Json, *elements: Json, others: tuple[Json, ...] = ()) -> set[tuple[str, str]]:
        made = profile("p", resource["resourceType"], *elements)
        return errors(profiles_of(tmp_path, [made, *others]).examine(resource, [OURS + "p"]))

    return look


QUANTITY = "Observation.value[x]"
SAID: list[tuple[Json, Json, str, str]] = [
    (OBSERVATION | {"status": "amended"}, {"path": "Observation.status", "fixedCode": "final"}, "profile-fixed", "status"),
    (
        OBSERVATION | {"code": {"text": "y"}},
        {"path": "Observation.code", "fixedCodeableConcept": {"text": "x"}},
        "profile-fixed",
        "code",
    ),
    (
        OBSERVATION | {"code": {"text": "y"}},
        {"path": "Observation.code", "patternCodeableConcept": {"text": "x"}},
        "profile-pattern",
        "code",
    ),
    (OBSERVATION | {"valueInteger": 3}, {"path": QUANTITY, "maxValueInteger": 2}, "profile-bounds", "value"),
    (OBSERVATION | {"valueInteger": 1}, {"path": QUANTITY, "minValueInteger": 2}, "profile-bounds", "value"),
    (OBSERVATION | {"valueString": "long"}, {"path": QUANTITY, "maxLength": 3}, "profile-length", "value"),
    (OBSERVATION | {"valueString": "a"}, {"path": QUANTITY, "type": [{"code": "Quantity"}]}, "profile-choice-type", "value"),
    (OBSERVATION | {"valueString": "a"}, {"path": QUANTITY, "max": "0"}, "profile-cardinality-max", "value"),
    (
        OBSERVATION | {"subject": {"reference": "Group/1"}},
        {
            "path": "Observation.subject",
            "type": [{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}],
        },
        "profile-reference-target",
        "subject",
    ),
    (
        OBSERVATION,
        {"path": "Observation", "constraint": [{"key": "o-1", "severity": "error", "expression": "value.exists()"}]},
        "profile-invariant",
        "",
    ),
]


@pytest.mark.parametrize(("resource", "element", "code", "place"), SAID)
def test_what_an_element_says(found: Any, resource: Json, element: Json, code: str, place: str) -> None:
    assert found(resource, element) == {(code, f"Observation.{place}".rstrip("."))}


def test_what_is_within_is_right(found: Any) -> None:
    bounds = {"path": QUANTITY, "minValueInteger": 2, "maxValueInteger": 4, "maxLength": 4}
    assert found(OBSERVATION | {"valueInteger": 2}, bounds) == found(OBSERVATION | {"valueInteger": 4}, bounds) == set()
    assert found(OBSERVATION | {"valueString": "long"}, bounds) == set()
    absent = OBSERVATION | {
        "_status": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
    }
    del absent["status"]
    assert found(absent, {"path": "Observation.status", "fixedCode": "final"}) == set()


def test_a_part_keeps_one_of_several_profiles(found: Any) -> None:
    mail = profile("mail", "ContactPoint", {"path": "ContactPoint.system", "min": 1, "fixedCode": "email"}, kind="complex-type")
    phone = profile("phone", "ContactPoint", {"path": "ContactPoint.system", "min": 1, "fixedCode": "phone"}, kind="complex-type")
    either = {"path": "Patient.telecom", "type": [{"code": "ContactPoint", "profile": [OURS + "mail", OURS + "phone"]}]}
    one = {"path": "Patient.telecom", "type": [{"code": "ContactPoint", "profile": [OURS + "mail"]}]}
    telecom = PATIENT | {"telecom": [{"system": "email"}, {"system": "phone"}, {"system": "fax"}]}
    assert found(telecom, either, others=(mail, phone)) == {("profile-type", "Patient.telecom[2]")}
    wrong = {("profile-fixed", f"Patient.telecom[{index}].system") for index in (1, 2)}
    assert found(telecom, one, others=(mail, phone)) == wrong


def test_a_slice_of_an_element_that_must_be_there_need_not(found: Any) -> None:
    by = {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}
    elements = (
        {"path": "Patient.name", "min": 1, "slicing": by},
        {"path": "Patient.name", "sliceName": "old", "max": "1"},
        {"id": "Patient.name:old.use", "path": "Patient.name.use", "fixedCode": "old"},
    )
    assert found(PATIENT | {"name": [{"text": "A"}]}, *elements) == set()
    assert found(PATIENT, *elements) == {("profile-cardinality-min", "Patient.name")}


def test_by_a_type_in_the_path(found: Any) -> None:
    by = {"discriminator": [{"type": "value", "path": "value.ofType(CodeableConcept).coding.code"}], "rules": "open"}
    elements = (
        {"path": "Observation.component", "slicing": by},
        {"path": "Observation.component", "sliceName": "red", "max": "1"},
        {
            "id": "Observation.component:red.value[x].coding.code",
            "path": "Observation.component.value[x].coding.code",
            "fixedCode": "red",
        },
    )
    narrowed = {
        "id": "Observation.component:red.value[x]",
        "path": "Observation.component.value[x]",
        "type": [{"code": "CodeableConcept"}],
    }
    code = {"code": {"text": "x"}}
    red, other = code | {"valueCodeableConcept": {"coding": [{"code": "red"}]}}, code | {"valueString": "red"}
    says = (*elements[:2], narrowed, elements[2])
    assert found(OBSERVATION | {"component": [red, other, other]}, *says) == set()
    assert found(OBSERVATION | {"component": [red, red]}, *says) == {("profile-cardinality-max", "Observation.component")}


def test_rules_that_warn_and_rules_that_cannot_be_evaluated(tmp_path: Path) -> None:
    rules = [
        {"key": "o-1", "severity": "warning", "expression": "value.exists()"},
        {"key": "o-2", "severity": "error", "expression": "subject.resolve().exists()", "human": "Somebody"},
    ]
    made = profile("p", "Observation", {"path": "Observation", "constraint": rules})
    issues = profiles_of(tmp_path, [made]).examine(OBSERVATION, [OURS + "p"])
    assert errors(issues) == set()
    assert warnings(issues) == {("profile-invariant", "Observation"), ("profile-unchecked", "Observation")}
