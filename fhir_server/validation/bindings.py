"""Required bindings: the code must be from the value set (https://hl7.org/fhir/R4/terminologies.html#required).

A value set that cannot be listed (mime types, languages) is not checked.
"""

from functools import cache
from typing import Any

from fhir_server.validation.location import Location, below
from fhir_server.validation.primitives import Primitive
from fhir_server.validation.walk import Finding, Walk
from profiles.definitions import Binding, value_set_codes

_MOST_CODES_SHOWN = 20
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def required_set(binding: Binding | None) -> str:
    """Return the value set that ``binding`` demands, or "" when it demands none or its codes cannot be listed."""
    if binding is None or binding.strength != "required" or value_set_codes(binding.value_set) is None:
        return ""
    return binding.value_set


def bound_code(value_set: str) -> Primitive:
    """Return the type of a code that must be in ``value_set``."""
    codes = _codes(value_set)

    def accepts(value: object) -> bool:
        return isinstance(value, str) and value in codes

    return Primitive("code", "string", accepts, _choose(codes), _not_in(value_set, codes))


def check_coding(value: dict[str, Any], value_set: str, location: Location, walk: Walk) -> None:
    """Demand that a Coding is in ``value_set``."""
    if not _is_in(value, value_set) and not _is_absent(value) and not _is_absent(value.get("_code")):
        walk.add(_not_in(value_set, _codes(value_set)), location)


def check_concept(value: dict[str, Any], value_set: str, location: Location, walk: Walk) -> None:
    """Demand that one of the codings of a CodeableConcept is in ``value_set``: text alone is not enough."""
    codings = value.get("coding") or []
    if any(_is_in(coding, value_set) for coding in codings) or _is_absent(value):
        return
    if any(_is_absent(coding) or _is_absent(coding.get("_code")) for coding in codings):
        return
    at = below(location, "coding", 0) if len(codings) == 1 else location
    walk.add(_not_in(value_set, _codes(value_set)), at)


def _is_in(coding: dict[str, Any], value_set: str) -> bool:
    return coding.get("code") in (value_set_codes(value_set) or {}).get(coding.get("system", ""), ())


def _is_absent(element: dict[str, Any] | None) -> bool:
    return element is not None and any(each.get("url") == _ABSENT for each in element.get("extension", ()))


@cache
def _codes(value_set: str) -> frozenset[str]:
    return frozenset[str]().union(*(value_set_codes(value_set) or {}).values())


def _not_in(value_set: str, codes: frozenset[str]) -> Finding:
    return Finding("code-invalid", "not-in-value-set", f"The code is not in the required value set {value_set}. {_choose(codes)}")


def _choose(codes: frozenset[str]) -> str:
    shown = ", ".join(sorted(codes)) if len(codes) <= _MOST_CODES_SHOWN else "its codes"
    return f"Use one of: {shown}."
