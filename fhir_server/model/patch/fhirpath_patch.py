"""FHIRPath Patch (https://hl7.org/fhir/R4/fhirpatch.html): a Parameters resource whose operations name elements by their path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.patch.failure import Impossible
from fhir_server.model.patch.path import Member, Path, Where, parse
from fhir_server.model.patch.place import Item, Place, changed, children, deleted, described, element_of, items, replaced
from fhir_server.model.patch.pointer import DEEPEST
from fhir_server.model.patch.select import select
from fhir_server.model.patch.value import Value, item_of, size, target, value_of
from fhir_server.model.shape import Child

MOST_OPERATIONS: Final = 200
MOST_WORK: Final = 2_000_000
"""Steps of all paths, times the values in resource and patch: more is never needed to carry a patch out."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_NONE: Final = Value("", "", Item(None))


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; what its ``type`` does not need keeps its default."""

    type: str
    path: Path
    name: str = ""
    value: Value = _NONE
    index: int = 0
    source: int = 0
    destination: int = 0


def operations(parameters: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Read a Parameters resource; raises BadRequest with the number of the operation (from 0) that is none."""
    given = parameters.get("parameter", [])
    if not isinstance(given, list) or not given:
        raise BadRequest('A FHIRPath Patch has a parameter "operation" for each operation.')
    if len(given) > MOST_OPERATIONS:
        raise BadRequest(f"A FHIRPath Patch may have {MOST_OPERATIONS} operations here: send it in parts.")
    found = []
    for number, each in enumerate(given):
        try:
            found.append(_operation(each))
        except ValueError as error:
            raise BadRequest(f"Operation {number} of the patch {error}.") from None
    return tuple(found)


def apply(steps: Sequence[Operation], resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``resource`` becomes; it stays as it is itself. Raises Unprocessable: then nothing of the patch counts."""
    if _work(steps, resource) > MOST_WORK:
        raise Unprocessable("This patch is too much work on a resource of this size: send it in parts, or as a JSON Patch.")
    result = dict(resource)
    for number, step in enumerate(steps):
        try:
            result = _APPLY[step.type](result, step)
        except Impossible as error:
            raise Unprocessable(f"Operation {number} of the patch, {step.type}: {error}.") from None
    return result


def _work(steps: Sequence[Operation], resource: Mapping[str, Any]) -> int:
    """Estimate from above what it takes: each step of a path may meet every value, and what is changed is made anew."""
    values = size(resource) + sum(step.value.size for step in steps)
    conditions = [names for step in steps for each in step.path if isinstance(each, Where) for names, _ in each.conditions]
    return values * (sum(len(step.path) + 2 for step in steps) + sum(len(names) + 1 for names in conditions))


def _operation(parameter: Any) -> Operation:  # noqa: ANN401 - JSON
    if not isinstance(parameter, Mapping) or parameter.get("name") != "operation":
        raise ValueError('must be a parameter with the name "operation"')
    listed = parameter.get("part", ())
    parts = {each.get("name"): each for each in listed if isinstance(each, Mapping)}
    if len(parts) != len(listed):
        raise ValueError("has a part that stands twice")
    type_ = _text(parts, "type")
    if type_ not in _NEEDED:
        raise ValueError(f"needs a type: one of {', '.join(_NEEDED)}")
    needed = _NEEDED[type_]
    if lacking := [name for name in needed if name not in parts]:
        raise ValueError(f"is a {type_} and lacks {', '.join(lacking)}")
    if parts.keys() - {"type", *needed}:
        raise ValueError(f"is a {type_} and has parts beyond type, {', '.join(needed)}")
    return Operation(
        type_,
        parse(_text(parts, "path")),
        _text(parts, "name"),
        value_of(parts["value"]) if "value" in parts else _NONE,
        *(_number(parts, name) for name in ("index", "source", "destination")),
    )


def _text(parts: Mapping[Any, Mapping[str, Any]], name: str) -> str:
    values = [value for key, value in parts.get(name, {}).items() if key in {"valueString", "valueCode"}]
    if name in parts and not (values and isinstance(values[0], str)):
        raise ValueError(f"has a {name} that is no valueString or valueCode")
    return values[0] if values else ""


def _number(parts: Mapping[Any, Mapping[str, Any]], name: str) -> int:
    keys = ("valueInteger", "valueUnsignedInt", "valuePositiveInt")
    values = [value for key, value in parts.get(name, {}).items() if key in keys]
    if name in parts and not (values and isinstance(values[0], int) and values[0] >= 0):
        raise ValueError(f"has a {name} that is no valueInteger from 0")
    return values[0] if values else 0


def _one(found: Sequence[Place]) -> Place:
    if len(found) != 1:
        raise Impossible(f"the path names {len(found)} elements and must name one")
    if found[0].depth > DEEPEST:
        raise Impossible(f"the path goes deeper than {DEEPEST} levels")
    return found[0]


def _add(resource: dict[str, Any], step: Operation) -> dict[str, Any]:
    place = _one(select(resource, step.path))
    child = target(place, step.name, step.value)
    if not child.repeats and children(place, step.name):
        raise Impossible("the element is there already and cannot repeat: use replace")
    return changed(place, child, [*items(place.content, child), item_of(step.value, child)])


def _insert(resource: dict[str, Any], step: Operation) -> dict[str, Any]:
    place, child = _list(resource, step.path)
    found = items(place.content, child)
    if step.index > len(found):
        raise Impossible(f"the index is larger than {len(found)}, the number of elements in the list")
    item = item_of(step.value, target(place, element_of(child), step.value))
    return changed(place, child, [*found[: step.index], item, *found[step.index :]])


def _delete(resource: dict[str, Any], step: Operation) -> dict[str, Any]:
    found = select(resource, step.path)
    return deleted(_one(found)) if found else resource


def _replace(resource: dict[str, Any], step: Operation) -> dict[str, Any]:
    place = _one(select(resource, step.path))
    if place.parent is None or place.child is None:
        raise Impossible("the resource itself cannot be replaced")
    child = target(place.parent, element_of(place.child), step.value)
    return replaced(place, child, item_of(step.value, child))


def _move(resource: dict[str, Any], step: Operation) -> dict[str, Any]:
    place, child = _list(resource, step.path)
    found = items(place.content, child)
    if max(step.source, step.destination) >= len(found):
        raise Impossible(f"source and destination must be less than {len(found)}, the number of elements in the list")
    found.insert(step.destination, found.pop(step.source))
    return changed(place, child, found)


def _list(resource: dict[str, Any], path: Path) -> tuple[Place, Child]:
    """Return in which element the list stands that ``path`` names, and what describes it. It may be empty."""
    if not path or not isinstance(path[-1], Member):
        raise Impossible("the path must end in the name of a list")
    place = _one(select(resource, path[:-1]))
    child = described(place, path[-1].name)[0]
    if not child.repeats:
        raise Impossible("the path names an element that is no list")
    return place, child


_APPLY: Final[Mapping[str, Callable[[dict[str, Any], Operation], dict[str, Any]]]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}
