"""The index rows of numbers and quantities: a row by itself, and one for each way in which a search may name the unit.

https://hl7.org/fhir/R4/search.html#quantity
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.search.leaves import Rows, often
from fhir_server.search.numbers import limits, point
from fhir_server.search.rows import US, IndexRow

Json = Any


def unit_form(system: str, unit: str) -> str:
    """Return how a unit stands in a key: a code in its ``system``, or ("") a code or unit in whatever system."""
    return f"{system}{US}{unit}"


def number(rows: Rows, prefix: str, value: Decimal | float) -> None:
    """Index a decimal or integer."""
    rows.append(IndexRow(often(prefix[:-1]), *point(value)))


def quantity(rows: Rows, prefix: str, value: Mapping[str, Json]) -> None:
    """Index a Quantity, Age, Duration or Money, a Range of two quantities or SampledData; without a number it has no row."""
    if "origin" in value:
        value = bounds(value)
    found = limits(value)
    if found is not None:
        rows.append(IndexRow(often(prefix[:-1]), *found))
        rows.extend(IndexRow(often(prefix + unit), *found) for unit in dict.fromkeys(_units(value)))


def bounds(sampled: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the Range of what was sampled: R4 has ``value-quantity`` "just search on the bounds of the values in sampled data".

    A point below or above what could be detected leaves that side open; errors do not count.
    """
    origin, points = sampled["origin"], sampled.get("data", "").split(" ")
    found = [Decimal(point) for point in points if _POINT.fullmatch(point)]
    if not found:
        return {}
    factor, zero = Decimal(sampled.get("factor", 1)), Decimal(origin.get("value", 0))
    low, high = sorted(zero + point * factor for point in (min(found), max(found)))
    ends = {"low": origin | {"value": low}, "high": origin | {"value": high}}
    return {end: each for end, each in ends.items() if _BEYOND[end] not in points}


_BEYOND = {"low": "L", "high": "U"}
_POINT = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)


def _units(value: Mapping[str, Json]) -> Iterator[str]:
    for one in (value.get("low"), value.get("high")) if "low" in value or "high" in value else (value,):
        if one is None:
            continue
        code, unit, system = one.get("code"), one.get("unit"), one.get("system")
        if "currency" in one:
            code, system = one["currency"], CURRENCIES
        if code:
            yield unit_form("", code)
        if unit:
            yield unit_form("", unit)
        if code and system:
            yield unit_form(system, code)


CURRENCIES = "urn:iso:std:iso:4217"  # the system of Money.currency, whose code goes without one
