"""Expressions are evaluated with the types of R4, without a word on stdout, and in bounded time."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.validation.fhirpath import Expression, NotEvaluated
from fhir_server.validation.fhirpath.pattern import TooCostlyPattern, found

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "birthDate": "1950-01-02",
    "deceasedBoolean": True,
    "name": [{"family": "Verzonnen", "given": ["Truus"], "_given": [{"extension": [{"url": "x:y", "valueCode": "BR"}]}]}],
    "multipleBirthInteger": 2,
}


def holds(text: str, resource: dict[str, Any] = PATIENT) -> bool:
    return Expression(text).holds(resource, None, resource["resourceType"], resource)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("name.exists()", True),
        ("name.given = 'Truus'", True),
        ("name.given = 'Anna'", False),
        ("name.given.count() = 1", True),
        ("name.given.where($this = 'Truus').extension.value = 'BR'", True),
        ("name.given.extension('x:y').exists().not()", False),
        ("maritalStatus.exists() or name.period.exists()", False),
        ("deceased is boolean", True),
        ("deceased is Quantity", False),
        ("photo.title = 'a'", True),  # of what is not there nothing is false
        ("name.given.extension('x:y').value = 'BR'", True),
        ("name.family.hasValue()", True),
        ("gender.hasValue()", False),
        ("multipleBirth > 1", True),
        ("(birthDate as dateTime).exists()", False),
        ("%resource.name.exists()", True),
        ("name.family.matches('^Ver')", True),
        ("name.family.matches('^[a-z]+$')", False),
    ],
)
def test_an_expression_holds_unless_it_is_false(text: str, answer: bool) -> None:  # noqa: FBT001
    assert holds(text) is answer


def test_a_part_is_looked_at_with_its_type() -> None:
    quantity = {"value": Decimal("1.50"), "unit": "mg"}
    observation = {"resourceType": "Observation", "valueQuantity": quantity}
    assert Expression("value > 1.4").holds(quantity, None, "Quantity", observation)
    assert not Expression("$this in ('by' | 'to')").holds("bij", None, "string", PATIENT)
    assert Expression("extension.exists()").holds("by", {"extension": [{"url": "x:y"}]}, "string", PATIENT)
    assert Expression("($this as dateTime).toString().length() >= 8").holds("2020-01-02", None, "dateTime", PATIENT)
    assert not Expression("($this as dateTime).toString().length() >= 8").holds("2020-01", None, "dateTime", PATIENT)


def test_trace_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert holds("name.trace('names').exists()")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "name.where(",
        "no such thing",
        "name.invented()",
        "name.memberOf('http://x.example/set')",
        "managingOrganization.resolve().exists() or photo.resolve().exists() or name.resolve().exists()",
        "name.family.matches('(a+)+$')",
        "name.family.matches('[')",
        "name.exists() and " * 500 + "true",
    ],
)
def test_what_cannot_be_evaluated_is_neither_true_nor_false(text: str) -> None:
    with pytest.raises(NotEvaluated):
        holds(text)


def test_patterns_are_tried_on_so_much_text_as_they_are_fast_on() -> None:
    assert found("^[A-Z]+$", "ABC")
    assert not found("^[A-Z]{3}$", "AB")
    assert found("(abc|def)", "xdef")
    for costly in (
        "(a+)+",
        "(a|aa)+",
        "(a*)*b",
        r"(\w+\s?)+$",
        "((a|b)c*)+",
        r"(a)\1",
        "(a)(?(1)b|c)",
        "(?>a+)+",
        "(?:a++)+",
        "(?=(a+)+)b",
        "x" * 2000,
    ):
        with pytest.raises(TooCostlyPattern):
            found(costly, "a" * 30)
    assert found("a*a*b", "a" * 20 + "b")
    with pytest.raises(TooCostlyPattern):
        found("a*a*b", "a" * 5000)
    assert found("a*b", "a" * 1000 + "b")


@pytest.mark.parametrize(
    "text",
    [
        "%resource.descendants().where(%resource.descendants().where(%resource.descendants().exists($this = 1)).exists()).exists()",
        "%resource.descendants().select(%resource.descendants().select(%resource.descendants())).exists()",
    ],
)
def test_an_expression_that_asks_for_too_much_is_given_up(text: str) -> None:
    resource = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": str(number)} for number in range(200)]}
    with pytest.raises(NotEvaluated, match="ValueError"):
        Expression(text).holds(resource, None, "Patient", resource)
