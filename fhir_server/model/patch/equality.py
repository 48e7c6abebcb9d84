"""When two JSON values are equal, as the operation "test" of JSON Patch means it (RFC 6902 section 4.6)."""

from decimal import Decimal
from typing import Any


def equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether both have the same JSON type and value: 1.0 and 1.00 are equal numbers, true is not 1.

    The order of members says nothing, that of an array counts.
    """
    if _kind(one) is not _kind(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def _kind(value: object) -> type:
    return Decimal if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value)
