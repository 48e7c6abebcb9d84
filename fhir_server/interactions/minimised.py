"""Answers on their way out, without the elements that the caller's role does not get (``access/left_out``)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.left_out import Elements, is_left_out, left_out
from fhir_server.interactions.call import Answer, Call
from fhir_server.model import json
from fhir_server.model.body import OWN
from fhir_server.model.subset import tagged

_HIDING: Final = (b"\\u00", b"\\/")  # how JSON can hide a letter or a slash
_NARRATIVE: Final = "text"
Resource = Mapping[str, Any]


def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it."""
    if call.actor.role == "system" or not answer.body or answer.media:
        return answer
    elements, signs = left_out(call.actor)
    if not _may_matter(answer.body, signs):
        return answer
    document = json.read(answer.body, OWN)
    made = _shown(document.resource, elements, call.actor.people)
    return answer if made is document.resource else replace(answer, body=json.rewritten(document, made))


def _may_matter(body: bytes, signs: Iterable[tuple[bytes, Iterable[bytes]]]) -> bool:
    if any(sign in body for sign in _HIDING):
        return True
    return any(any(each in body for each in names) and type_ in body for type_, names in signs)


def _shown(resource: Resource, elements: Elements, own: tuple[str, ...]) -> Resource:
    """Return ``resource``, a Bundle with all in it, without ``elements``; the same object when there is nothing to leave out."""
    type_ = resource.get("resourceType")
    if type_ == "Bundle":
        return _bundle(resource, elements, own)
    names = elements.get(str(type_), frozenset())
    gone = {member for member in resource if is_left_out(member, names)}
    if not gone or f"{type_}/{resource.get('id')}" in own:
        return resource
    kept = {member: each for member, each in resource.items() if member not in gone and member != _NARRATIVE}
    return {**kept, "meta": tagged(resource.get("meta", {}))}


def _bundle(bundle: Resource, elements: Elements, own: tuple[str, ...]) -> Resource:
    entries = bundle.get("entry", [])
    made = [_entry(each, elements, own) for each in entries]
    if all(one is other for one, other in zip(made, entries, strict=True)):
        return bundle
    return {**bundle, "entry": made}


def _entry(entry: Resource, elements: Elements, own: tuple[str, ...]) -> Resource:
    if "resource" not in entry:
        return entry
    shown = _shown(entry["resource"], elements, own)
    return entry if shown is entry["resource"] else {**entry, "resource": shown}
