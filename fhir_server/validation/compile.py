"""From the definition of an element to the checks of its properties.

R4 itself has no other cardinalities than 0..0, 0..1, 1..1, 0..* and 1..*, so that an array needs no count.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, TypeAlias

from fhir_server.validation.bindings import bound_code, check_coding, check_concept, required_set
from fhir_server.validation.invariants import INVARIANTS, Invariant, check_invariants
from fhir_server.validation.location import Location
from fhir_server.validation.primitives import PRIMITIVES
from fhir_server.validation.properties import (
    PropertyCheck,
    ValueCheck,
    repeated_complex,
    repeated_primitive,
    repeated_shadow,
    single_complex,
    single_primitive,
    single_shadow,
)
from fhir_server.validation.references import check_reference
from fhir_server.validation.walk import Walk
from profiles.definitions import Element, TypeRef, type_definition

CheckOf: TypeAlias = Callable[[str, str], ValueCheck]
"""From the name of a type, and the path of an element in it or "", to its check."""

CHOICE = "[x]"
_BOUND = {"Coding": check_coding, "CodeableConcept": check_concept}


def plain_name(element: Element) -> str:
    """Return the name of ``element`` in FHIRPath: a choice is without its type."""
    return element.name.removesuffix(CHOICE)


def _keys(element: Element) -> list[tuple[str, TypeRef | None]]:
    """Return the JSON names of ``element`` with the type that each means."""
    if not element.name.endswith(CHOICE):
        return [(element.name, element.types[0] if element.types else None)]
    return [(plain_name(element) + each.code[0].upper() + each.code[1:], each) for each in element.types]


def keys_with_shadows(element: Element) -> tuple[str, ...]:
    """Return every JSON name under which ``element`` may be there."""
    return tuple(chain.from_iterable((key, "_" + key) for key, _ in _keys(element)))


def property_checks(type_name: str, element: Element, check_of: CheckOf) -> dict[str, PropertyCheck]:
    """Return the checks of ``element`` of ``type_name`` by JSON name; ``check_of`` gives those of other types."""
    found: dict[str, PropertyCheck] = {}
    for key, type_ in _keys(element):
        if type_ is not None and type_.code in PRIMITIVES:
            found.update(_primitive(element, key, type_, check_of))
        else:
            found[key] = _complex(element, _value_check(type_name, element, type_, check_of))
    return found


def _complex(element: Element, check: ValueCheck) -> PropertyCheck:
    name = plain_name(element)
    return single_complex(name, check) if element.max == 1 else repeated_complex(name, check)


def _primitive(element: Element, key: str, type_: TypeRef, check_of: CheckOf) -> dict[str, PropertyCheck]:
    """Return the checks of a primitive and of its shadow."""
    name, shadow = plain_name(element), check_of(type_.code, "")
    value_set = required_set(element.binding) if type_.code == "code" else ""
    primitive = bound_code(value_set) if value_set else PRIMITIVES[type_.code]
    targets = (type_.targets or ("Resource",)) if type_.code == "canonical" else ()
    if element.max == 1:
        return {key: single_primitive(name, primitive, targets), "_" + key: single_shadow(key, name, shadow)}
    return {key: repeated_primitive(name, primitive, targets), "_" + key: repeated_shadow(key, name, shadow)}


def _value_check(type_name: str, element: Element, type_: TypeRef | None, check_of: CheckOf) -> ValueCheck:
    if type_ is None:
        return check_of(type_name, element.content)
    if element.path in type_definition(type_name).elements:
        return check_of(type_name, element.path)
    check = check_of(type_.code, "")
    if type_.code == "Reference":
        check = _with_reference(check, type_.targets)
    value_set = required_set(element.binding)
    if value_set and type_.code in _BOUND:
        check = _with_binding(check, _BOUND[type_.code], value_set)
    invariants = INVARIANTS.get(element.path, ())
    return _with_invariants(check, invariants) if invariants else check


def _with_reference(check: ValueCheck, targets: tuple[str, ...]) -> ValueCheck:
    def check_both(value: Any, location: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        check(value, location, walk)
        if isinstance(value, dict):
            check_reference(value, targets, location, walk)

    return check_both


def _with_binding(check: ValueCheck, check_bound: Callable[[Any, str, Location, Walk], None], value_set: str) -> ValueCheck:
    def check_both(value: Any, location: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        before = walk.found
        check(value, location, walk)
        if walk.found == before:
            check_bound(value, value_set, location, walk)

    return check_both


def _with_invariants(check: ValueCheck, invariants: tuple[Invariant, ...]) -> ValueCheck:
    def check_both(value: Any, location: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        before = walk.found
        check(value, location, walk)
        if walk.found == before:
            check_invariants(invariants, value, location, walk)

    return check_both
