"""What a source gives has the form of FHIR, or is not used."""

from decimal import Decimal
from typing import Any

import pytest
from fake_sources import at_once, declared

from adapters.contract import Resource, Translation
from fhir_server.federation.answer import SourceAnswer, SourceFault
from fhir_server.federation.readable import readable

GIVEN: Resource = {"resourceType": "Observation", "id": "o", "code": {"text": "pain"}, "valueQuantity": {"value": Decimal("1.00")}}


def answer(**more: Any) -> SourceAnswer:
    return SourceAnswer(declared(), "7f3c.1", Translation([GIVEN, GIVEN | more]))


@pytest.mark.parametrize(
    "more", [{}, {"valueQuantity": {"value": 1.5}}, {"status": "unheard-of"}, {"effectiveDateTime": "yesterday"}, {"other": 1}]
)
def test_what_has_the_form_stays(more: Resource) -> None:
    given = answer(**more)
    assert at_once(readable(given)) is given


@pytest.mark.parametrize(
    "more",
    [
        {"effectiveDateTime": 5},
        {"code": "pain"},
        {"code": {"coding": [7]}},
        {"identifier": {"value": "1"}},
        {"subject": {"reference": ["Patient/1"]}},
        {"contained": [1]},
        {"meta": {"security": 1}},
        {"extension": [{"url": "urn:x", "valueString": {}}]},
    ],
)
def test_what_has_not_is_a_fault(more: Resource, caplog: pytest.LogCaptureFixture) -> None:
    assert at_once(readable(answer(**more))) == SourceFault(declared(), "structure")
    assert "wrong-type at Observation" in caplog.text


@pytest.mark.parametrize("more", [{"meta": {"lastUpdated": None}}, {"performer": [None]}, {"code": None}])
def test_null_is_no_value(more: Resource) -> None:
    assert at_once(readable(answer(**more))) == SourceFault(declared(), "structure")
    beside = {"_implicitRules": {"id": "r"}, "_status": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}
    assert isinstance(at_once(readable(answer(**beside))), SourceAnswer)


def test_null_is_no_resource() -> None:
    nothing: Any = None
    given = SourceAnswer(declared(), "7f3c.1", Translation([nothing]))
    assert at_once(readable(given)) == SourceFault(declared(), "structure")


def test_what_is_nested_too_deep_is_one() -> None:
    deep: Any = {"url": "urn:x"}
    for _ in range(200):
        deep = {"url": "urn:x", "extension": [deep]}
    assert at_once(readable(answer(extension=[deep]))) == SourceFault(declared(), "structure")


def test_a_fault_stays_a_fault() -> None:
    fault = SourceFault(declared(), "timeout")
    assert at_once(readable(fault)) is fault
