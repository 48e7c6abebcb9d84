"""Carries out a path on a resource: which elements it names."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fhir_server.model.patch.path import Index, Literal, Member, OfType, Path, Step, Where
from fhir_server.model.patch.place import Place, children, root


def select(resource: Mapping[str, Any], path: Path) -> list[Place]:
    """Return the places that ``path`` names; the type of the resource may stand in front.

    Raises Impossible for an element that R4 does not have there.
    """
    found = [root(resource)]
    if path and path[0] == Member(str(resource.get("resourceType"))):
        path = path[1:]
    for step in path:
        found = _taken(found, step)
    return found


def _taken(found: Sequence[Place], step: Step) -> list[Place]:
    match step:
        case Member(name):
            return [child for place in found for child in children(place, name)]
        case Index(-1):
            return list(found[-1:])
        case Index(number):
            return list(found[number : number + 1])
        case OfType(name):
            return [place for place in found if _type(place) == name]
        case Where(conditions):
            return [place for place in found if all(_holds(place, names, value) for names, value in conditions)]


def _type(place: Place) -> str:
    if place.child is None or place.child.kind == "resource":
        return str(place.content.get("resourceType"))
    return place.child.type


def _holds(place: Place, names: Sequence[str], value: Literal) -> bool:
    found = [place]
    for name in names:
        found = [child for each in found for child in children(each, name)]
    return len(found) == 1 and _equal(found[0].item.value, value)


def _equal(one: object, other: Literal) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(other, Decimal):
        return isinstance(one, int | Decimal) and one == other
    return one == other
