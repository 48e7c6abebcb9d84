"""Quantities that are no single number."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.search import filters
from fhir_server.search.match import matches
from fhir_server.search.quantity import bounds

OBSERVATION = load().types["Observation"]
UCUM = "http://unitsofmeasure.org"
ORIGIN = {"value": Decimal(10), "unit": "mV", "system": UCUM, "code": "mV"}


def limits(**sampled: Any) -> tuple[Any, Any]:
    found = bounds({"origin": ORIGIN, **sampled})
    return found.get("low", {}).get("value"), found.get("high", {}).get("value")


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ({"data": "3"}, (13, 13)),
        ({"data": "3 -1 2.5"}, (9, 13)),
        ({"data": "1 2", "factor": Decimal("0.5")}, (Decimal("10.5"), 11)),
        ({"data": "1 2", "factor": Decimal(-1)}, (8, 9)),
        ({"data": "1 E 2"}, (11, 12)),
        ({"data": "1 L 2"}, (None, 12)),
        ({"data": "1 U 2"}, (11, None)),
        ({"data": "L U 2"}, (None, None)),
        ({"data": "E"}, (None, None)),
        ({"data": "nan inf"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_sampled_data_spans_its_points(sampled: dict[str, Any], expected: tuple[Any, Any]) -> None:
    assert limits(**sampled) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ge12", True),
        ("sa13", False),
        ("gt11||mV", True),
        (f"lt10|{UCUM}|mV", True),
        (f"lt9|{UCUM}|mV", False),
        ("gt11||V", False),
        ("11", False),  # as of a Range: all of it would have to lie there
    ],
)
def test_sampled_data_is_searched_by_its_bounds(value: str, expected: bool) -> None:  # noqa: FBT001
    sampled = {"origin": ORIGIN, "period": Decimal(10), "dimensions": 1, "data": "3 -1 2.5"}
    observation = {"resourceType": "Observation", "id": "o", "valueSampledData": sampled}
    for name in ("value-quantity", "combo-value-quantity"):
        assert matches(filters.node(OBSERVATION, OBSERVATION.search[name], "", value), observation, OBSERVATION) is expected
    component = {"resourceType": "Observation", "id": "o", "component": [{"valueSampledData": sampled}]}
    parameter = OBSERVATION.search["component-value-quantity"]
    assert matches(filters.node(OBSERVATION, parameter, "", value), component, OBSERVATION) is expected
