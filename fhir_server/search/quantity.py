"""The index rows of numbers and quantities: a row by itself, and one for each way in which a search may name the unit.

https://hl7.org/fhir/R4/search.html#quantity
"""

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
    """Index a Quantity, Age, Duration or Money, or a Range of two quantities; without a number it has no row."""
    found = limits(value)
    if found is not None:
        rows.append(IndexRow(often(prefix[:-1]), *found))
        rows.extend(IndexRow(often(prefix + unit), *found) for unit in dict.fromkeys(_units(value)))


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
