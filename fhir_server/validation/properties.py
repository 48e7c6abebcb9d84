"""The check of one property of an object, made once per element and called for every value.

A property check gets the object itself (``owner``), the value, where the object is, and the walk. Where a value is right it makes
nothing and returns; locations and texts come into being only for what is wrong.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from fhir_server.validation.location import SINGLE, Location, below
from fhir_server.validation.primitives import Primitive
from fhir_server.validation.walk import Finding, Pointer, Walk

PropertyCheck: TypeAlias = Callable[[dict[str, Any], Any, Location, Walk], None]
ValueCheck: TypeAlias = Callable[[Any, Location, Walk], None]

_NULL = Finding("structure", "null", "null is not a value. Leave the element out.")
_NO_ARRAY = Finding("structure", "wrong-type", "This element repeats. Write an array, even for one value.")
_NO_OBJECT = Finding("structure", "wrong-type", "This element has children. Write a JSON object.")
_NO_SINGLE = Finding("structure", "wrong-type", "This element does not repeat. Write the value itself, not an array.")
_EMPTY_ARRAY = Finding("structure", "empty", "An empty array is not a value. Leave the element out.")
_LONELY_NULL = Finding("structure", "null", "null stands only where the array with the underscore has an extension for it.")
_DOUBLE_NULL = Finding("structure", "null", "null stands only where the array without the underscore has a value.")
_MISALIGNED = Finding("structure", "misaligned", "The arrays with and without underscore need as many items. Fill up with null.")
_NOTHING = Finding(
    "structure", "empty", "There is neither a value nor an extension here. Give one of them, or leave the element out."
)

_MAY_POINT = frozenset({"uri", "url", "canonical"})


def _noted(value: str, targets: tuple[str, ...], location: Location, walk: Walk) -> None:
    if value[0] == "#":
        walk.pointers.append(Pointer(value[1:], targets, location))


def single_primitive(name: str, primitive: Primitive, targets: tuple[str, ...]) -> PropertyCheck:
    """Return the check of a primitive that does not repeat."""
    accepts = primitive.accepts

    def check(_: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        if not accepts(value):
            walk.add(_NO_SINGLE if isinstance(value, list) else primitive.explain(value), below(where, name))

    def check_and_note(_: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        if not accepts(value):
            walk.add(_NO_SINGLE if isinstance(value, list) else primitive.explain(value), below(where, name))
        elif value[0] == "#":
            _noted(value, targets, below(where, name), walk)

    return check_and_note if primitive.name in _MAY_POINT else check


def repeated_primitive(name: str, primitive: Primitive, targets: tuple[str, ...]) -> PropertyCheck:
    """Return the check of a primitive that repeats."""
    accepts, shadow, points = primitive.accepts, "_" + name, primitive.name in _MAY_POINT

    def check(owner: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        if not isinstance(value, list) or not value:
            walk.add(_EMPTY_ARRAY if value == [] else _NO_ARRAY, below(where, name))
            return
        for index, item in enumerate(value):
            if not accepts(item):
                if item is not None or not _has_item(owner.get(shadow), index):
                    walk.add(_LONELY_NULL if item is None else primitive.explain(item), below(where, name, index))
            elif points:
                _noted(item, targets, below(where, name, index), walk)

    return check


def single_complex(name: str, check_value: ValueCheck) -> PropertyCheck:
    """Return the check of a complex value that does not repeat."""

    def check(_: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        check_value(value, (where, name, SINGLE, where[3] + 1), walk)

    return check


def repeated_complex(name: str, check_value: ValueCheck) -> PropertyCheck:
    """Return the check of a complex value that repeats."""

    def check(_: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        if not isinstance(value, list) or not value:
            walk.add(_EMPTY_ARRAY if value == [] else _NO_ARRAY, below(where, name))
            return
        depth = where[3] + 1
        for index, item in enumerate(value):
            check_value(item, (where, name, index, depth), walk)

    return check


def no_object(value: object) -> Finding:
    """Say why ``value`` does not do where an object is expected."""
    if value is None:
        return _NULL
    return _NO_SINGLE if isinstance(value, list) else _NO_OBJECT


def single_shadow(key: str, name: str, check_element: ValueCheck) -> PropertyCheck:
    """Return the check of ``_name``: the id and extensions of the primitive ``key`` (https://hl7.org/fhir/R4/json.html#primitive)."""

    def check(owner: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        _check_shadow(value, below(where, name), walk, check_element, has_value=owner.get(key) is not None)

    return check


def repeated_shadow(key: str, name: str, check_element: ValueCheck) -> PropertyCheck:
    """Return the check of ``_name`` where the primitive ``key`` repeats: an array as long as that of the values."""

    def check(owner: dict[str, Any], value: Any, where: Location, walk: Walk) -> None:  # noqa: ANN401 - JSON
        if not isinstance(value, list) or not value:
            walk.add(_EMPTY_ARRAY if value == [] else _NO_ARRAY, below(where, name))
            return
        values = owner.get(key)
        if isinstance(values, list) and len(values) != len(value):
            walk.add(_MISALIGNED, below(where, name))
        for index, item in enumerate(value):
            location = below(where, name, index)
            has_value = _has_item(values, index)
            if item is not None:
                _check_shadow(item, location, walk, check_element, has_value=has_value)
            elif not has_value:
                walk.add(_DOUBLE_NULL, location)

    return check


def _has_item(values: object, index: int) -> bool:
    return isinstance(values, list) and index < len(values) and values[index] is not None


def _check_shadow(value: Any, location: Location, walk: Walk, check_element: ValueCheck, *, has_value: bool) -> None:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and value and "extension" not in value and not has_value:
        walk.add(_NOTHING, location)
    check_element(value, location, walk)
