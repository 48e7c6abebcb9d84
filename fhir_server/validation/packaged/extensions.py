"""Every extension in a resource is judged by its own definition, wherever it stands (https://hl7.org/fhir/R4/extensibility.html).

One that nobody defines here is left alone; a modifier extension must not be: what it changes is not known.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fhir_server.validation.location import Location, below
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.report import Look
from profiles.definitions import UnknownType, type_definition

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles

_MODIFIER: Final = "modifierExtension"
_NAMES: Final = ("extension", _MODIFIER)
_CHOICE: Final = "[x]"
_ANYWHERE: Final = "Element"


class Place(NamedTuple):
    """Where an extension may be allowed: the type of what has it, and its path in the definition ("Patient.contact")."""

    type: str
    path: str


def judge_extensions(resource: Mapping[str, Any], at: Location, profiles: "Profiles", look: Look) -> None:
    """Note in ``look`` what is wrong with the extensions in ``resource``, and in what is inside of it."""
    for name, found, place, where in _extensions(resource, _place_of(resource), at):
        url = found.get("url")
        if isinstance(url, str) and ":" in url:  # inside of an extension there are parts of it, whose names are no URLs
            _judge(Item(found, None, "Extension", where), url, place, profiles, look, modifier=name == _MODIFIER)


def _judge(item: Item, url: str, place: Place, profiles: "Profiles", look: Look, *, modifier: bool) -> None:
    made = profiles.made(url) if profiles.knows(url) else ""
    if isinstance(made, str):
        if modifier and not made:
            text = f"Nobody here defines the modifier extension {url}, so that nothing may be read from what has it. Remove it."
            look.error("extension", "modifier-extension-unknown", text, item.at)
        elif made:
            look.unchecked(f"Whether this conforms to {url} could not be checked: {made}.", item.at)
        return
    if made.modifier != modifier:
        right = _MODIFIER if made.modifier else "extension"
        look.error("extension", "extension-place", f"{url} stands in {right}. Put it there.", item.at)
    contexts = _contexts(profiles.canonicals.structure_definition(url) or {})
    if contexts and not any(_fits(each, place) for each in contexts):
        text = f"{url} may stand on: {', '.join(sorted(contexts))}. Put it there, or remove it."
        look.error("extension", "extension-place", text, item.at)
    profiles.judge(item, url, look)


def _contexts(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the elements that an extension may stand on; none where some other kind of context (FHIRPath, extension) is given."""
    contexts = [each for each in definition.get("context", ()) if isinstance(each, dict)]
    if any(each.get("type") != "element" or "#" in str(each.get("expression")) for each in contexts):
        return frozenset()
    return frozenset(str(each.get("expression")) for each in contexts)


def _fits(context: str, place: Place) -> bool:
    return context in _reach(place.type, place.path)


@cache
def _reach(type_: str, path: str) -> frozenset[str]:
    """Return all names by which a context may mean a place: its path, its type, and what that is a kind of."""
    names = {path, path.removesuffix(_CHOICE), _ANYWHERE}
    while type_:
        names.add(type_)
        try:
            type_ = type_definition(type_).base
        except UnknownType:
            break
    return frozenset(names)


def _place_of(resource: Mapping[str, Any]) -> Place:
    type_ = str(resource.get("resourceType"))
    return Place(type_, type_)


def _extensions(owner: Mapping[str, Any], place: Place, at: Location) -> Iterator[tuple[str, Mapping[str, Any], Place, Location]]:
    """Yield (name, extension, where it may be allowed, where it is) of all that is in ``owner``."""
    known: Mapping[str, tuple[str, Place]] = {}
    for key, value in owner.items():
        if not isinstance(value, (dict, list)):
            continue
        if not known:
            known = _children(place.type, place.path)
        plain = key.removeprefix("_")
        name, inside = known.get(plain, (plain, place))
        for index, each in enumerate(value) if isinstance(value, list) else ((-1, value),):
            if not isinstance(each, dict):
                continue
            where = below(at, name, index)
            if name in _NAMES:
                yield name, each, place, where
            yield from _extensions(each, _place_of(each) if "resourceType" in each else inside, where)


@cache
def _children(type_: str, path: str) -> Mapping[str, tuple[str, Place]]:
    """Return by JSON name the FHIRPath name and the place of what is below a place."""
    owner = path.partition(".")[0]
    inside = type_definition(owner).elements.get(path) if "." in path else None
    found: dict[str, tuple[str, Place]] = {}
    for each in inside or _elements(type_):
        stem = each.name.removesuffix(_CHOICE)
        for kind in each.types:
            key = stem + kind.code[0].upper() + kind.code[1:] if each.name.endswith(_CHOICE) else each.name
            found[key] = (stem, Place(kind.code, each.path))
        if each.content:
            found[each.name] = (stem, Place("BackboneElement", each.content))
    return found


def _elements(type_: str) -> tuple[Any, ...]:
    try:
        return type_definition(type_).elements.get(type_, ())
    except UnknownType:
        return ()
