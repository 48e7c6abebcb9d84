"""The numbers of search: decimals as integers in the same order, and the ranges that the numbers of a query span.

An index row holds 64-bit integers. A number becomes the one that stands for the nearest double, so that numbers with more than 15
digits may count as equal. A range is ``[low, high)``; a single number is the range up to the next double.
https://hl7.org/fhir/R4/search.html#number
"""

import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fhir_server.search.tree import Prefix
from fhir_server.search.values import Range, prefix_of

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_SIGN = 1 << 63
_TENTH = Decimal("0.1")
BELOW_ALL, ABOVE_ALL = Decimal("-Infinity"), Decimal("Infinity")


class NumberError(ValueError):
    """A text is no number of a query."""


def ordered(number: Decimal | float) -> int:
    """Return a signed 64-bit integer for ``number``: the greater the number, the greater the integer."""
    try:
        as_double = float(number) + 0.0  # the sum of minus zero and zero is zero
    except OverflowError:
        as_double = float("inf" if number > 0 else "-inf")
    (bits,) = struct.unpack(">q", struct.pack(">d", as_double))
    return int(bits) if bits >= 0 else -(int(bits) + _SIGN)


def point(number: Decimal | float) -> Range:
    """Return the range of exactly ``number``."""
    at = ordered(number)
    return Range(at, at + 1)


def between(low: Decimal | float | None, high: Decimal | float | None) -> Range:
    """Return the range from ``low`` to ``high``, both included; a side that is not given is open."""
    return Range(ordered(BELOW_ALL if low is None else low), ordered(ABOVE_ALL if high is None else high) + 1)


def measured(value: Decimal | float, comparator: str) -> Range:
    """Return what a Quantity says: its value, or all that lies on the side that its comparator names."""
    at = ordered(value)
    match comparator:
        case "<":
            return Range(ordered(BELOW_ALL), at)
        case "<=":
            return Range(ordered(BELOW_ALL), at + 1)
        case ">":
            return Range(at + 1, ordered(ABOVE_ALL) + 1)
        case ">=":
            return Range(at, ordered(ABOVE_ALL) + 1)
        case _:
            return Range(at, at + 1)


def limits(value: Mapping[str, Any]) -> Range | None:
    """Return the range of a Quantity (Age, Money, ...) or of a Range; None when it has no number."""
    if "low" in value or "high" in value:
        low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
        return None if low is None and high is None else between(low, high)
    number = value.get("value")
    return None if number is None else measured(number, value.get("comparator", ""))


def compared(text: str) -> tuple[Prefix, Range]:
    """Read a number of a query with its prefix. Raises NumberError.

    Without a prefix, and with ``ne``, it is what rounds to it at the precision it is written with; with ``ap`` at least a tenth of
    it more and less; with the others exactly the number.
    """
    prefix, rest = prefix_of(text)
    if prefix is None or _NUMBER.fullmatch(rest) is None:
        raise NumberError("a number is written as 5.4, 100 or 1e2, after a prefix (eq, ne, gt, ge, lt, le, sa, eb, ap) if any")
    number = Decimal(rest)
    if prefix not in {"eq", "ne", "ap"}:
        return prefix, point(number)
    half = _half(number)
    if prefix == "ap":
        half = max(half, abs(number) * _TENTH)
    return prefix, Range(ordered(number - half), ordered(number + half) + (prefix == "ap"))


def _half(number: Decimal) -> Decimal:
    """Return half a unit of the last digit; of a power of ten half a tenth, as in FHIR's example: 1e2 is from 95 to 105."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(5).scaleb((exponent if exponent <= 0 else exponent - 1) - 1)
