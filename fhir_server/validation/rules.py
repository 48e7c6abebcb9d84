"""The forms that most invariants take: which elements an object has, and which of them go together.

A name that ends in "[x]" is a choice and is there under any of its types. Every value is known to have its type.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

Rule: TypeAlias = Callable[[dict[str, Any]], bool]

_DATE_LENGTH = len("2020-01-01")


def has(value: dict[str, Any], name: str) -> bool:
    """Tell whether the element ``name`` exists, be it by an extension only."""
    if name.endswith("[x]"):
        plain = name.removesuffix("[x]")
        return any(key.removeprefix("_").startswith(plain) for key in value)
    return name in value or "_" + name in value


def count(value: dict[str, Any], names: tuple[str, ...]) -> int:
    """Count which of ``names`` exist."""
    return sum(has(value, name) for name in names)


def any_of(*names: str) -> Rule:
    """At least one of ``names`` exists."""
    return lambda value: count(value, names) > 0


def at_most_one(*names: str) -> Rule:
    """No two of ``names`` exist."""
    return lambda value: count(value, names) <= 1


def exactly_one(*names: str) -> Rule:
    """One of ``names`` exists."""
    return lambda value: count(value, names) == 1


def together(*names: str) -> Rule:
    """All of ``names`` exist, or none."""
    return lambda value: count(value, names) in (0, len(names))


def needs(name: str, *others: str) -> Rule:
    """Where ``name`` exists, all of ``others`` do."""
    return lambda value: not has(value, name) or count(value, others) == len(others)


def only_when(name: str, field: str, *codes: Any) -> Rule:  # noqa: ANN401 - JSON
    """``name`` exists only where ``field`` is one of ``codes``."""
    return lambda value: not has(value, name) or value.get(field) in codes


def never_when(name: str, field: str, *codes: str) -> Rule:
    """``name`` does not exist where ``field`` is one of ``codes``."""
    return lambda value: not has(value, name) or value.get(field) not in codes


def has_code(concept: dict[str, Any] | None, system: str, *codes: str) -> bool:
    """Tell whether a CodeableConcept has one of ``codes`` of ``system``."""
    codings = (concept or {}).get("coding", ())
    return any(coding.get("system") == system and coding.get("code") in codes for coding in codings)


def is_ordered(earlier: str | None, later: str | None) -> bool:
    """Tell whether two dates or dateTimes are in order, as far as their precision tells."""
    if earlier is None or later is None:
        return True
    if "T" in earlier and "T" in later:
        try:
            return datetime.fromisoformat(earlier) <= datetime.fromisoformat(later)
        except ValueError:  # a leap second
            return True
    length = min(len(earlier), len(later), _DATE_LENGTH)
    return earlier[:length] <= later[:length]


def is_not_above(low: dict[str, Any] | None, high: dict[str, Any] | None) -> bool:
    """Tell whether two quantities are in order, as far as they are in the same unit."""
    if not low or not high or any((low.get(key) != high.get(key)) for key in ("system", "code", "unit")):
        return True
    return "value" not in low or "value" not in high or Decimal(low["value"]) <= Decimal(high["value"])
