"""Elements of a resource in their places, so that one of them can be changed and the whole be made anew around it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any, NamedTuple

from fhir_server.model.patch.failure import Impossible
from fhir_server.model.shape import Child, shape_of
from profiles.definitions import resource_types


class Item(NamedTuple):
    """One element: the value of a primitive or the object of a complex one, and a primitive's id and extensions (``_name``)."""

    value: Any
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One element, and where it stands: as number ``index`` of what ``child`` describes in ``parent``. The root has neither."""

    item: Item
    parent: "Place | None" = None
    child: Child | None = None
    index: int = 0

    @property
    def content(self) -> Mapping[str, Any]:
        """Return the JSON object with the children of this element; empty for a primitive that has none."""
        return self.item.value if isinstance(self.item.value, dict) else self.item.extra or {}

    @property
    def elements(self) -> Mapping[str, Sequence[Child]]:
        """Return which children this element may have, by the name of the element."""
        if self.child is not None and self.child.kind != "resource":
            return _elements(self.child.owner, self.child.content)
        name = self.content.get("resourceType")
        if not isinstance(name, str) or name not in resource_types():
            raise Impossible("a resource in it says no resourceType")
        return _elements(name, name)

    @property
    def depth(self) -> int:
        """Return how many elements this one stands in."""
        return 0 if self.parent is None else self.parent.depth + 1


def root(resource: Mapping[str, Any]) -> Place:
    """Return the place of a whole resource."""
    return Place(Item(resource))


def element_of(child: Child) -> str:
    """Return the name of the element as FHIRPath has it: of a choice without the type."""
    return child.path.rpartition(".")[2].removesuffix("[x]")


def described(place: Place, name: str) -> Sequence[Child]:
    """Return what may stand in ``place`` as the element ``name``: one, or of a choice one for each type. Raises Impossible."""
    found = place.elements.get(name)
    if found is None:
        raise Impossible("there is no such element in R4")
    return found


def children(place: Place, name: str) -> list[Place]:
    """Return the children of ``place`` with the element name ``name``, in order. Raises Impossible for a name that R4 has not."""
    return [
        Place(item, place, child, index)
        for child in described(place, name)
        for index, item in enumerate(items(place.content, child))
    ]


def items(content: Mapping[str, Any], child: Child) -> list[Item]:
    """Return the elements of ``content`` that ``child`` describes."""
    value, extra = content.get(child.name), content.get(f"_{child.name}")
    if child.repeats:
        return [Item(*pair) for pair in zip_longest(value or (), extra or ())]
    return [] if value is None and extra is None else [Item(value, extra)]


def changed(place: Place, child: Child, found: Sequence[Item]) -> dict[str, Any]:
    """Return the whole resource in which ``found`` is all that ``place`` has of ``child``. An element left empty goes too."""
    return _rebuilt(place, holding(place.content, child, found))


def holding(content: Mapping[str, Any], child: Child, found: Sequence[Item]) -> dict[str, Any]:
    """Return ``content`` in which ``found`` is all that there is of ``child``."""
    result = dict(content)
    for name, values in ((child.name, [each.value for each in found]), (f"_{child.name}", [each.extra for each in found])):
        if all(value is None for value in values):
            result.pop(name, None)
        else:
            result[name] = values if child.repeats else values[0]
    return result


def replaced(place: Place, child: Child, item: Item) -> dict[str, Any]:
    """Return the whole resource in which ``item``, described by ``child``, stands in place of ``place``; raises Impossible."""
    if place.parent is None or place.child is None:
        raise Impossible("the resource itself cannot be replaced")
    if child is place.child:
        return changed(place.parent, child, _with(place, [item]))
    without = holding(place.parent.content, place.child, ())
    return _rebuilt(place.parent, holding(without, child, [item]))


def deleted(place: Place) -> dict[str, Any]:
    """Return the whole resource without ``place``; raises Impossible."""
    if place.parent is None or place.child is None:
        raise Impossible("the resource itself cannot be deleted by a patch")
    return changed(place.parent, place.child, _with(place, ()))


def _rebuilt(place: Place, content: Mapping[str, Any]) -> dict[str, Any]:
    if place.parent is None or place.child is None:
        return dict(content)
    if isinstance(place.item.value, dict):
        left = [Item(content)] if content else []
    else:
        left = [Item(place.item.value, content or None)] if content or place.item.value is not None else []
    return changed(place.parent, place.child, _with(place, left))


def _with(place: Place, instead: Iterable[Item]) -> list[Item]:
    assert place.parent is not None
    assert place.child is not None
    beside = items(place.parent.content, place.child)
    return [*beside[: place.index], *instead, *beside[place.index + 1 :]]


@cache
def _elements(owner: str, path: str) -> Mapping[str, Sequence[Child]]:
    found: dict[str, list[Child]] = {}
    for child in shape_of(owner, path).members.values():
        found.setdefault(element_of(child), []).append(child)
    return found
