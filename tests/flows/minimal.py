"""The least that a resource of a type must hold, from the definitions of R4."""

from typing import Any

from profiles.definitions import Element, resource_types, type_definition, value_set_codes

PRIMITIVES: dict[str, Any] = {
    "boolean": True,
    "code": "nl",
    "canonical": "http://example.org/canonical",
    "date": "2026-01-01",
    "dateTime": "2026-01-01",
    "decimal": 1,
    "instant": "2026-01-01T00:00:00Z",
    "integer": 1,
    "markdown": "x",
    "positiveInt": 1,
    "string": "x",
    "unsignedInt": 1,
    "uri": "urn:x",
    "url": "http://example.org/url",
}
TYPES: dict[str, Any] = {
    "CodeableConcept": {"text": "x"},
    "Coding": {"system": "urn:x", "code": "x"},
    "Reference": {"identifier": {"system": "urn:x", "value": "x"}},
    "Attachment": {"url": "http://example.org/attachment"},
}
BEYOND_DEFINITIONS: dict[str, dict[str, Any]] = {
    "Appointment": {"status": "proposed", "participant": [{"status": "accepted", "actor": TYPES["Reference"]}]},
    "Binary": {"contentType": "text/plain"},
    "Consent": {"policyRule": TYPES["CodeableConcept"]},
    "Organization": {"name": "x"},
    "Subscription": {
        "status": "off",
        "criteria": "Task?id",
        "channel": {"type": "rest-hook", "endpoint": "https://platform.example/hook"},
    },
    "SearchParameter": {"status": "draft", "code": "own-x", "base": ["Location"], "type": "string", "expression": "Location.name"},
}


def minimal(type_: str) -> dict[str, Any]:
    """Return a valid resource of ``type_`` without an id."""
    return {"resourceType": type_, **_children(type_, type_), **BEYOND_DEFINITIONS.get(type_, {})}


def _children(owner: str, path: str) -> dict[str, Any]:
    return dict(_member(owner, element) for element in type_definition(owner).elements[path] if element.min > 0)


def _member(owner: str, element: Element) -> tuple[str, Any]:
    type_ = element.types[0].code
    name = element.name.replace("[x]", type_[0].upper() + type_[1:])
    value = _value(owner, element, type_)
    return name, value if element.max == 1 else [value]


def _value(owner: str, element: Element, type_: str) -> Any:
    if element.path in type_definition(owner).elements:
        return _children(owner, element.path)
    if type_ == "code" and element.binding and (codes := value_set_codes(element.binding.value_set)):
        return min(code for found in codes.values() for code in found)
    if type_ in resource_types():
        return minimal(type_)
    return PRIMITIVES.get(type_) or TYPES.get(type_) or _children(type_, type_)
