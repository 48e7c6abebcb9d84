"""References: how they are written and what they may point to (https://hl7.org/fhir/R4/references.html)."""

import re
from functools import cache
from typing import Any

from fhir_server.validation.location import Location, below
from fhir_server.validation.walk import Finding, Pointer, Walk
from profiles.definitions import resource_types

_TYPE_BASE = "http://hl7.org/fhir/StructureDefinition/"
_relative = re.compile(
    r"(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#[A-Za-z0-9\-.]{1,64})?"
).fullmatch
_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+").fullmatch
_in_rest = re.compile(
    r"https?://.+/(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?"
).fullmatch
_urn_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
_conditional = re.compile(r"(?P<type>[A-Z][A-Za-z]+)\?.+").fullmatch
_fragment = re.compile(r"#(?:[A-Za-z0-9\-.]{1,64})?").fullmatch

_ENOUGH = ("identifier", "display", "extension", "_reference")

_MALFORMED = Finding(
    "value", "reference-format", "This is no literal reference. Write Type/id, an absolute URL, urn:uuid:..., or #id."
)
_OF_A_TRANSACTION = Finding(
    "value", "reference-conditional", "Only a transaction resolves conditional references. Search first, then write Type/id."
)
_NOTHING = Finding("required", "reference-empty", "A Reference needs one of reference, identifier and display.")
_UNLIKE = Finding("structure", "reference-type", "The type is not that of the reference. Leave it out or correct it.")
_UNKNOWN_TYPE = Finding("structure", "unknown-type", "This is no resource type of R4. Name one, or give an absolute URL.")


def check_reference(value: dict[str, Any], targets: tuple[str, ...], location: Location, walk: Walk) -> None:
    """Check a Reference that may point to ``targets`` (none: to anything).

    What begins with "#" is noted in ``walk.pointers`` and settled when the whole resource has been seen.
    """
    literal, type_ = value.get("reference"), value.get("type")
    pointed = ""
    if isinstance(literal, str):
        match = _relative(literal)
        pointed = match[1] if match else ""
        if (targets and pointed not in targets) or pointed not in resource_types():
            pointed = _check_literal(literal, targets, location, walk)
    elif value.keys().isdisjoint(_ENOUGH):
        walk.add(_NOTHING, location)
    if isinstance(type_, str) and type_ != pointed:
        _check_type(type_, pointed, targets, location, walk)


def wrong_target(targets: tuple[str, ...]) -> Finding:
    """Say which types may be referred to."""
    return Finding("structure", "reference-target", f"This element refers to: {', '.join(targets)}. Refer to one of these.")


def allows(targets: tuple[str, ...], type_: str) -> bool:
    """Tell whether ``targets`` has ``type_``; no targets, or Resource among them, is any type."""
    return not targets or type_ in targets or "Resource" in targets


def literal_type(literal: str) -> str:
    """Return the type of resource that a literal reference shows, "" when it shows none."""
    return _type_of(literal, conditional=True) or ""


def _check_literal(literal: str, targets: tuple[str, ...], location: Location, walk: Walk) -> str:
    """Return the type that ``literal`` points to, or "" when that cannot be known from it alone."""
    at = below(location, "reference")
    if literal.startswith("#"):
        if _fragment(literal):
            walk.pointers.append(Pointer(literal[1:], targets or ("Resource",), at))
        else:
            walk.add(_MALFORMED, at)
        return ""
    type_ = _type_of(literal, conditional=walk.conditional)
    if type_ is None:
        walk.add(_OF_A_TRANSACTION if _conditional(literal) else _MALFORMED, at)
        return ""
    if type_ and not allows(targets, type_):
        walk.add(wrong_target(targets), at)
    return type_


def _type_of(literal: str, *, conditional: bool) -> str | None:
    """Return the type of a literal reference, "" when it does not show it, None when it is malformed."""
    match = _relative(literal) or (_conditional(literal) if conditional else None)
    if match:
        return match["type"] if match["type"] in resource_types() else None
    if not _absolute(literal) or (literal.startswith("urn:uuid:") and not _urn_uuid(literal)):
        return None
    rest = _in_rest(literal)
    return rest["type"] if rest and rest["type"] in resource_types() else ""


def _check_type(type_: str, pointed: str, targets: tuple[str, ...], location: Location, walk: Walk) -> None:
    """Check ``Reference.type``; an absolute URL outside FHIR's own is a logical model, of which nothing is known."""
    name = type_.removeprefix(_TYPE_BASE)
    if ":" in name:
        return
    at = below(location, "type")
    if name not in _names():
        walk.add(_UNKNOWN_TYPE, at)
    elif pointed and pointed != name:
        walk.add(_UNLIKE, at)
    elif not pointed and not allows(targets, name):
        walk.add(wrong_target(targets), at)


@cache
def _names() -> frozenset[str]:
    return resource_types() | {"Resource", "DomainResource"}
