"""Fixed values and patterns (https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_)."""

from typing import Any


def equals(value: Any, fixed: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a value is the fixed one: the same members, the same values, nothing else."""
    if isinstance(fixed, dict):
        return isinstance(value, dict) and value.keys() == fixed.keys() and all(equals(value[key], fixed[key]) for key in fixed)
    if isinstance(fixed, list):
        return isinstance(value, list) and len(value) == len(fixed) and all(map(equals, value, fixed))
    return isinstance(value, bool) == isinstance(fixed, bool) and bool(value == fixed)


def matches(value: Any, pattern: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a value has all that the pattern has; it may have more, also in lists."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and matches(value[key], pattern[key]) for key in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(matches(each, wanted) for each in value) for wanted in pattern)
    return equals(value, pattern)
