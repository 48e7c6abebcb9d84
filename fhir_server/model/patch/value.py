"""The values of FHIRPath Patch: one value[x], a resource, or parts for what has no type of its own (BackboneElement, Extension)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.model.patch.failure import Impossible
from fhir_server.model.patch.place import Item, Place, described, holding, items
from fhir_server.model.shape import Child, shape_of


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was sent: of ``type`` with its ``item``, or (``type`` "") ``parts`` by element name."""

    type: str
    kind: str
    item: Item
    parts: Sequence[tuple[str, "Value"]] = ()

    @property
    def size(self) -> int:
        """Return how many values it is made of."""
        return size(self.item.value) + sum(part.size for _, part in self.parts)


def size(value: Any) -> int:  # noqa: ANN401 - JSON
    """Return how many values, containers included, ``value`` is made of."""
    if isinstance(value, dict):
        return 1 + sum(map(size, value.values()))
    return 1 + sum(map(size, value)) if isinstance(value, list) else 1


def value_of(parameter: Mapping[str, Any]) -> Value:
    """Read the value of one Parameters.parameter; ValueError when it has none, or more than one."""
    members = shape_of("Parameters", "Parameters.parameter").members
    given = {name.removeprefix("_") for name in parameter if name.lstrip("_").startswith("value")}
    if len(given) + ("part" in parameter) + ("resource" in parameter) != 1:
        raise ValueError("needs one value: value[x], part or resource")
    if "resource" in parameter:
        return Value("Resource", "resource", Item(parameter["resource"]))
    if "part" in parameter:
        parts = parameter["part"]
        if not isinstance(parts, list) or not all(isinstance(each, Mapping) for each in parts):
            raise ValueError("has parts that are none")
        return Value("", "complex", Item(None), tuple((str(each.get("name")), value_of(each)) for each in parts))
    name = given.pop()
    child = members.get(name)
    if child is None:
        raise ValueError("has a value of a type that Parameters does not have")
    return Value(child.type, child.kind, Item(parameter.get(name), parameter.get(f"_{name}")))


def target(place: Place, name: str, value: Value) -> Child:
    """Return as what ``value`` can stand in ``place`` under the element name ``name``; raises Impossible when it cannot."""
    choices = described(place, name)
    fitting = [child for child in choices if child.type == value.type] if len(choices) > 1 else choices
    if not fitting or not _fits(fitting[0], value):
        raise Impossible("the value has a type that this element cannot have")
    return fitting[0]


def item_of(value: Value, child: Child) -> Item:
    """Return ``value`` as the element that ``child`` describes; raises Impossible when its parts do not fit."""
    if value.type:
        return value.item
    place = Place(Item({}), child=child)
    for name, part in value.parts:
        inner = target(place, name, part)
        beside = items(place.content, inner)
        if beside and not inner.repeats:
            raise Impossible("a part that cannot repeat is there twice")
        place = Place(Item(holding(place.content, inner, [*beside, item_of(part, inner)])), child=child)
    return place.item


def _fits(child: Child, value: Value) -> bool:
    """Compare the kinds only: of a string for a code, or a date that is none, validation knows more."""
    kind = "primitive" if child.kind == "xhtml" else child.kind
    return kind == value.kind and (kind != "complex" or value.type in {"", child.type})
