"""The check of one kind of object, compiled from the definitions when it is first met.

A ``Structure`` stands for a type (``HumanName``) or for an element with children of its own (``Patient.contact``): it knows the
check of every property, what must be there, what excludes each other, and the invariants.
"""

import re
from functools import cache, cached_property
from typing import Any

from fhir_server.validation.compile import CHOICE, keys_with_shadows, plain_name, property_checks
from fhir_server.validation.contained import check_contained, settle_pointers
from fhir_server.validation.invariants import INVARIANTS, Invariant, check_invariants
from fhir_server.validation.location import Location, below
from fhir_server.validation.properties import PropertyCheck, ValueCheck, no_object
from fhir_server.validation.walk import Finding, Walk
from profiles.definitions import Element, resource_types, type_definition

DEEPEST = 100
_CONDITIONAL = ("transaction", "batch")

_TOO_DEEP = Finding("too-long", "too-deep", f"This is nested deeper than {DEEPEST} levels. Flatten it.")
_EMPTY = Finding("structure", "empty", "There is neither a value nor a child here. Fill the element, or leave it out.")
_element_name = re.compile(r"(?!.*[0-9]{9})[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch
_UNKNOWN = Finding("structure", "unknown-element", "There is no such element here. Remove it, or put it into an extension.")
_MISSING = Finding("required", "cardinality-min", "This element is required. Add it.")
_TWICE = Finding("structure", "choice-twice", "Only one of the types of this element may be given. Keep one.")
_UNTYPED = Finding("required", "resource-type-missing", "A resource needs a resourceType. Add it.")
_TYPE_FORM = Finding("structure", "wrong-type", "resourceType is a JSON string, the name of the resource type.")
_NO_TYPE = Finding("structure", "unknown-type", "FHIR R4 has no resources of this resourceType. Name one that it has.")
_WRONG_CHOICE = Finding("structure", "choice-type", "This element does not have this type. Use a type that the definition allows.")


class Structure:
    """Checks objects of the type ``type_name`` at ``path`` in its definition."""

    def __init__(self, type_name: str, path: str) -> None:
        self.type_name = type_name
        self.path = path

    def check(self, value: Any, location: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        """Add to ``walk`` all that is wrong with ``value``, which is at ``location``."""
        if not isinstance(value, dict):
            walk.add(no_object(value), location)
            return
        if location[3] > DEEPEST:
            walk.add(_TOO_DEEP, location)
            return
        before = walk.found
        properties = self._properties
        for name, child in value.items():
            check = properties.get(name)
            if check is None:
                self._refuse(name, location, walk)
            else:
                check(value, child, location, walk)
        if len(value) <= 1 or self._demands:
            self._check_presence(value, location, walk)
        if self._invariants and walk.found == before:
            check_invariants(self._invariants, value, location, walk)

    def _check_presence(self, value: dict[str, Any], location: Location, walk: Walk) -> None:
        """Check what must be there, what excludes each other, and that there is something at all."""
        missing = False
        for name, keys in self._required:
            if keys[0] not in value and value.keys().isdisjoint(keys):
                walk.add(_MISSING, below(location, name))
                missing = True
        if missing or len(value) > self._plain_required + 1:
            for name, alternatives in self._choices:
                if len(alternatives & value.keys()) > 1:
                    _check_choice(value, name, alternatives, location, walk)
        if not value or (len(value) == 1 and "id" in value and not self._is_primitive):
            walk.add(_EMPTY, location)

    @cached_property
    def _elements(self) -> tuple[Element, ...]:
        return tuple(each for each in type_definition(self.type_name).elements[self.path] if each.max != 0)

    @cached_property
    def _properties(self) -> dict[str, PropertyCheck]:
        found: dict[str, PropertyCheck] = {}
        if self.path == self.type_name and type_definition(self.type_name).kind == "resource":
            found["resourceType"] = _checked_before
        for element in self._elements:
            found.update(property_checks(self.type_name, element, value_check))
        return found

    @cached_property
    def _required(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((plain_name(each), keys_with_shadows(each)) for each in self._elements if each.min)

    @cached_property
    def _choices(self) -> tuple[tuple[str, frozenset[str]], ...]:
        choices = (each for each in self._elements if each.name.endswith(CHOICE))
        return tuple((plain_name(each), frozenset(keys_with_shadows(each))) for each in choices)

    @cached_property
    def _plain_required(self) -> int:
        """How many required elements are no choice: in an object with one more member, no choice can be made twice."""
        return sum(each.min > 0 and not each.name.endswith(CHOICE) for each in self._elements)

    @cached_property
    def _demands(self) -> bool:
        return bool(self._required or self._choices)

    @cached_property
    def _is_primitive(self) -> bool:
        """Whether the object is what stands beside a value; there an id alone is enough."""
        return type_definition(self.type_name).kind == "primitive-type"

    @cached_property
    def _invariants(self) -> tuple[Invariant, ...]:
        return INVARIANTS.get(self.path, ())

    def _refuse(self, name: object, location: Location, walk: Walk) -> None:
        """Note a property that is not defined; its name is shown only if it looks like one, without a number in it."""
        if not isinstance(name, str) or _element_name(name) is None:
            walk.add(_UNKNOWN, location)
            return
        plain = name.removeprefix("_")
        for choice, _ in self._choices:
            if plain.startswith(choice) and plain[len(choice) :][:1].isupper():
                walk.add(_WRONG_CHOICE, below(location, choice))
                return
        walk.add(_UNKNOWN, below(location, name))


@cache
def value_check(type_name: str, path: str) -> ValueCheck:
    """Return the check of a type (``path`` ""), or of the element at ``path`` in its definition; Resource is any resource."""
    return check_resource if type_name == "Resource" else Structure(type_name, path or type_name).check


def check_resource(value: Any, location: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
    """Check a whole resource of whatever type it says it is; one at ``contained`` is part of the resource around it."""
    type_ = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(type_, str) or type_ not in resource_types():
        walk.add(_no_resource(value), location)
        return
    check = value_check(type_, "")
    if location[1] == "contained":
        check_contained(value, location, walk)
        check(value, location, walk)
        return
    outer = walk.pointers, walk.conditional
    walk.pointers, walk.conditional = [], walk.conditional or (type_ == "Bundle" and value.get("type") in _CONDITIONAL)
    check(value, location, walk)
    if walk.pointers or "contained" in value:
        settle_pointers(value, location, walk)
    walk.pointers, walk.conditional = outer


def _no_resource(value: object) -> Finding:
    if not isinstance(value, dict):
        return no_object(value)
    if "resourceType" not in value:
        return _UNTYPED
    return _NO_TYPE if isinstance(value["resourceType"], str) else _TYPE_FORM


def _checked_before(_owner: dict[str, Any], _value: object, _where: Location, _walk: Walk) -> None:
    """Accept ``resourceType``: it was looked at to come here."""


def _check_choice(value: dict[str, Any], name: str, alternatives: frozenset[str], location: Location, walk: Walk) -> None:
    if len({key.removeprefix("_") for key in alternatives & value.keys()}) > 1:
        walk.add(_TWICE, below(location, name))
