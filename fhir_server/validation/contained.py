"""Contained resources (https://hl7.org/fhir/R4/references.html#contained): rules dom-2 to dom-5 and ref-1."""

from typing import Any

from fhir_server.validation.location import Location, below, step
from fhir_server.validation.references import allows, wrong_target
from fhir_server.validation.walk import Finding, Pointer, Walk

_NESTED = Finding(
    "structure", "contained-nested", "A contained resource contains none itself. Move it up to the containing resource."
)
_UNREFERENCED = Finding(
    "invariant",
    "contained-unreferenced",
    "Nothing in the resource refers to this contained resource. Refer to it by # and its id, or leave it out.",
)
_TWICE = Finding("invariant", "contained-duplicate", "Another contained resource has this id. Give each its own.")
_META = Finding(
    "invariant", "contained-meta", "A contained resource has no version, update time or security label of its own. Leave it out."
)
_DANGLING = Finding("invariant", "reference-unresolved", "No contained resource has this id. Contain it, or refer to where it is.")
_FORBIDDEN_META = ("versionId", "lastUpdated", "security")


def check_contained(value: dict[str, Any], location: Location, walk: Walk) -> None:
    """Check what a contained resource must not have."""
    if "contained" in value:
        walk.add(_NESTED, below(location, "contained"))
    meta = value.get("meta")
    if isinstance(meta, dict):
        for name in _FORBIDDEN_META:
            if name in meta:
                walk.add(_META, below(below(location, "meta"), name))


def settle_pointers(container: dict[str, Any], location: Location, walk: Walk) -> None:
    """Check that ``walk.pointers`` and the contained resources of ``container`` match each other."""
    inside = _inside(container)
    types = {each["id"]: each.get("resourceType") for _, each in inside if isinstance(each.get("id"), str)}
    types[""] = container.get("resourceType")
    for pointer in walk.pointers:
        _check_pointer(pointer, types, walk)
    pointed = {pointer.id for pointer in walk.pointers if pointer.id}
    pointing = {step(pointer.location, location) for pointer in walk.pointers if not pointer.id}
    seen: set[str] = set()
    for index, each in inside:
        at = below(location, "contained", index)
        id_ = str(each.get("id", ""))
        if id_ in seen:
            walk.add(_TWICE, below(at, "id"))
        elif id_ not in pointed and ("contained", index) not in pointing:
            walk.add(_UNREFERENCED, at)
        seen.add(id_)


def _inside(container: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    contained = container.get("contained")
    if not isinstance(contained, list):
        return []
    return [(index, each) for index, each in enumerate(contained) if isinstance(each, dict)]


def _check_pointer(pointer: Pointer, types: dict[str, Any], walk: Walk) -> None:
    if not pointer.targets:
        return
    if pointer.id not in types:
        walk.add(_DANGLING, pointer.location)
    elif isinstance(types[pointer.id], str) and not allows(pointer.targets, types[pointer.id]):
        walk.add(wrong_target(pointer.targets), pointer.location)
