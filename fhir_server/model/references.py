"""The literal references in a resource, those in contained resources and extensions included."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fhir_server.model.reference import parse
from fhir_server.model.shape import Child, Shape, shape_of
from profiles.definitions import resource_types

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_OF_A_REFERENCE = frozenset({"reference", "type", "identifier", "display", "id", "extension", "_reference", "_type", "_display"})


@lru_cache(maxsize=16384)
def local(literal: str, base: str) -> str:
    """Return the "Type/id" to which ``literal`` points on the server at ``base``, "" when it points elsewhere."""
    found = parse(literal.partition("#")[0], base)
    return str(found) if found else ""


@lru_cache(maxsize=1024)
def versioned(literal: str, base: str) -> str:
    """Return the "Type/id/_history/n" to which ``literal`` points on the server at ``base``, "" when it names no version of it.

    ``n`` is 0, which no version has, for what is no number of a version.
    """
    found = parse(literal.partition("#")[0], base)
    if found is None or not found.version:
        return ""
    return f"{found}/_history/{found.version if _VERSION.fullmatch(found.version) else 0}"


def versions(resource: Mapping[str, Any], base: str) -> list[str]:
    """Return each "Type/id/_history/n" on the server at ``base`` to which a valid ``resource`` refers, once."""
    return list(dict.fromkeys(version for literal in literals(resource) if (version := versioned(literal, base))))


def targets(resource: Mapping[str, Any], base: str) -> list[str]:
    """Return each "Type/id" on the server at ``base`` to which a valid ``resource`` refers, once, in document order."""
    return list(dict.fromkeys(target for literal in literals(resource) if (target := local(literal, base))))


def literals(resource: Mapping[str, Any]) -> list[str]:
    """Return the text of each literal reference of ``resource``, in document order."""
    found: list[str] = []
    _gather(resource, found)
    return found


def _gather(element: Mapping[str, Any], found: list[str]) -> None:
    for value in element.values():
        if type(value) is dict:
            _gather(value, found)
        elif type(value) is list:
            for each in value:
                if type(each) is dict:
                    _gather(each, found)
    literal = element.get("reference")
    if type(literal) is str and element.keys() <= _OF_A_REFERENCE:
        found.append(literal)


def places(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the FHIRPath and the text of each literal reference, wherever the definitions of R4 have one."""
    type_ = resource.get("resourceType")
    if isinstance(type_, str) and type_ in resource_types():
        yield from _members(resource, shape_of(type_, type_), type_)


def _members(element: Mapping[str, Any], shape: Shape, at: str) -> Iterator[tuple[str, str]]:
    for name, value in element.items():
        child = shape.members.get(name.removeprefix("_"))
        if child is None:
            continue
        path = f"{at}.{child.path.rpartition('.')[2].removesuffix('[x]')}"
        inside = shape_of("Element", "Element") if name.startswith("_") else None
        if isinstance(value, list):
            for index, each in enumerate(value):
                yield from _value(each, child, inside, f"{path}[{index}]")
        else:
            yield from _value(value, child, inside, path)


def _value(value: object, child: Child, inside: Shape | None, at: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        return
    if inside is not None:
        yield from _members(value, inside, at)
    elif child.kind == "resource":
        type_ = value.get("resourceType")
        if isinstance(type_, str) and type_ in resource_types():
            yield from _members(value, shape_of(type_, type_), at)
    elif child.kind == "complex":
        if child.type == "Reference" and isinstance(value.get("reference"), str):
            yield f"{at}.reference", value["reference"]
        yield from _members(value, child.shape, at)
