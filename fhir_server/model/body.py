"""What the JSON and the XML of a resource have in common: limits, exact decimals, names that an error may repeat."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_NAME = re.compile(r"(?!.*[0-9]{9})_?[A-Za-z][A-Za-z0-9]{0,63}")
_DIGITS = 64
_EXPONENT = 308
_INTEGER_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest body that is read: ``depth`` in nested objects, arrays or elements, ``size`` in bytes, ``entries`` of a Bundle.

    It has to come within ``seconds``.
    """

    depth: int = 64
    size: int = 5_000_000
    entries: int = 1_000
    seconds: float = 30.0


OWN = Limits(depth=1_000, size=1 << 40)
"""For what this server wrote itself: read whatever limits hold for callers today."""


class WrittenDecimal(Decimal):
    """A decimal that Python would write in another way than its source did (``1.0E3``, ``0.00000010``)."""

    __slots__ = ("text",)
    text: str


def decimal(text: str) -> Decimal:
    """Return the number written as ``text`` (FHIR's decimal syntax), so that ``decimal_text`` gives ``text`` back.

    ValueError when it has more than 64 characters or lies outside of what 64-bit floating point can span.
    """
    if len(text) > _DIGITS:
        raise ValueError("too many digits")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("no number") from None
    if abs(value.adjusted()) > _EXPONENT:
        raise ValueError("exponent out of range")
    if str(value) == text:
        return value
    written = WrittenDecimal(text)
    written.text = text
    return written


def integer(text: str) -> int | Decimal:
    """Return the number written as ``text`` without fraction: an int, or a Decimal from 19 digits on and for ``-0``.

    ValueError as in ``decimal``.
    """
    return int(text) if len(text) <= _INTEGER_DIGITS and text != "-0" else decimal(text)


def decimal_text(value: Decimal) -> str:
    """Return how ``value`` was written; never NaN or Infinity, which FHIR does not know (ValueError)."""
    if isinstance(value, WrittenDecimal):
        return value.text
    if not value.is_finite():
        raise ValueError("a decimal is a finite number")
    return str(value)


def element_name(name: str) -> str:
    """Return ``name`` as an error may repeat it: "?" when it does not look like the name of an element, or has a number in it."""
    return name if _NAME.fullmatch(name) else "?"
