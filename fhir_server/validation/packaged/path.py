"""The paths of discriminators, a small part of FHIRPath (https://hl7.org/fhir/R4/profiling.html#discriminator)."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from fhir_server.validation.location import root
from fhir_server.validation.packaged.item import Item, items
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.references import literal_type
from profiles.definitions import Element, UnknownType, type_definition

_STEP: Final = re.compile(r"""\$this|(?P<call>resolve|ofType|extension)\((?P<argument>[^()]*)\)|(?P<name>[A-Za-z][A-Za-z0-9]*)""")
_NAMED: Final = re.compile(r"^\s*url\s*=")
_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_CHOICE: Final = "[x]"


class UnknownPath(ValueError):
    """A discriminator has a path that is none of those that FHIR allows."""


class Step(NamedTuple):
    """One step: ``kind`` is name, resolve, ofType or extension, with the name, the type, or the URL."""

    kind: str
    argument: str = ""


class Unresolved(NamedTuple):
    """Where a reference leads that is not here; ``type`` is what it says of its target, or ""."""

    type: str


def parse(path: str) -> tuple[Step, ...]:
    """Read the path of a discriminator. Raises UnknownPath."""
    steps, position = [], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise UnknownPath(path)
        if match["call"]:
            steps.append(Step(match["call"], _NAMED.sub("", match["argument"]).strip("'\" ")))
        elif match["name"]:
            steps.append(Step("name", match["name"]))
        position = match.end() + 1
        if position <= len(path) and path[match.end()] != ".":
            raise UnknownPath(path)
    return tuple(steps)


def follow(item: Item, steps: tuple[Step, ...], look: Look) -> Iterator[Item | Unresolved]:
    """Yield what ``steps`` lead to from ``item``."""
    if not steps:
        yield item
        return
    for each in _taken(item, steps[0], look):
        if isinstance(each, Unresolved):
            yield each
        else:
            yield from follow(each, steps[1:], look)


def _taken(item: Item, step: Step, look: Look) -> Iterator[Item | Unresolved]:
    if step.kind == "resolve":
        yield resolved(item, look)
    elif step.kind == "ofType":
        if item.type == step.argument:
            yield item
    elif step.kind == "extension":
        found = items(item.owner if item.shadow is None else item.shadow, (("extension", "Extension"),), "extension", item.at)
        yield from (each for each in found if each.owner.get("url") == step.argument)
    else:
        yield from items(item.owner, _keys(item, step.argument), step.argument, item.at)


def _keys(item: Item, name: str) -> tuple[tuple[str, str], ...]:
    """Return the JSON names under which ``name`` may be below ``item``, with their types; a backbone's are told by its members."""
    for element in _elements(item.type):
        if element.name == name:
            return ((name, element.types[0].code if element.types else ""),)
        if element.name == name + _CHOICE:
            return tuple((name + each.code[0].upper() + each.code[1:], each.code) for each in element.types)
    chosen = tuple((key, key[len(name) :]) for key in item.owner if key.startswith(name) and key[len(name) :][:1].isupper())
    return ((name, ""), *chosen)


def _elements(type_: str) -> tuple[Element, ...]:
    try:
        return type_definition(type_).elements.get(type_, ())
    except UnknownType:
        return ()


def resolved(item: Item, look: Look) -> Item | Unresolved:
    """Return what a reference points to inside of what was sent, or what is known of it."""
    literal = item.value.get("reference", "") if isinstance(item.value, dict) else item.value
    target = look.pointed(str(literal or ""))
    if target is not None:
        return Item(target, None, str(target.get("resourceType")), root(str(target.get("resourceType"))))
    said = str(item.value.get("type", "")).removeprefix(_CORE) if isinstance(item.value, dict) else ""
    return Unresolved(literal_type(str(literal or "")) or said)
