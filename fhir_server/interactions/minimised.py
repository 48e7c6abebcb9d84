"""Answers on their way out, without the elements that the caller's role does not get (``access/left_out``)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.actor import Actor
from fhir_server.access.left_out import Elements, Signs, is_left_out, left_out
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.stored_signs import may_hide
from fhir_server.model import json
from fhir_server.model.body import OWN
from fhir_server.model.json import Document
from fhir_server.model.subset import tagged

_NARRATIVE: Final = "text"
_CONTAINED: Final = "contained"
_TYPE: Final = "resourceType"
_META: Final = "meta"
Resource = Mapping[str, Any]


def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it."""
    if call.actor.role == "system" or not answer.body or answer.media:
        return answer
    if not may_matter(answer.body, left_out(call.actor).signs):
        return answer
    document = json.read(answer.body, OWN)
    made = shown(call.actor, document.resource)
    return answer if made is document.resource else replace(answer, body=json.rewritten(document, made))


def shown(actor: Actor, resource: Resource) -> Resource:
    """Return ``resource``, or a Bundle, as ``actor`` may see it; the same object when there is nothing to leave out."""
    return resource if actor.role == "system" else _shown(resource, left_out(actor).elements, actor.people)


def kept(actor: Actor, document: Document, stored: bytes) -> Document:
    """Return ``document``, the next version of ``stored``, with what ``actor`` did not see of the resources contained in both.

    Of such a resource nobody is shown a narrative, so that one that is not there is kept as well. An id that stands for somebody
    else now gets nothing of who it stood for before (``_stands_for``).
    """
    if actor.role == "system" or _CONTAINED not in document.resource:
        return document
    before = json.read(stored, OWN).resource
    seen = shown(actor, before)
    if seen is before:
        return document
    hidden = [each for each, part in zip(before.get(_CONTAINED, ()), seen.get(_CONTAINED, ()), strict=True) if each is not part]
    elements = left_out(actor).elements
    contained = [_restored(each, _stands_for(each, hidden, document.resource), elements) for each in document.resource[_CONTAINED]]
    made = {_NARRATIVE: before[_NARRATIVE]} if _NARRATIVE in before and _NARRATIVE not in document.resource else {}
    made[_CONTAINED] = contained
    texts = {name: json.write(value).decode() for name, value in made.items()}
    return Document({**document.resource, **made}, {**document.members, **texts})


def _restored(contained: Resource, before: Resource | None, elements: Elements) -> Resource:
    if before is None:
        return contained
    names = elements.get(str(contained.get(_TYPE)), frozenset())
    gone = {name for name in before if is_left_out(name, names) or name == _NARRATIVE}
    own = {name: each for name, each in contained.items() if name != _META}  # what was shown is tagged as a part
    return {**own, **{name: before[name] for name in (*gone, _META) if name in before and name not in own}}


def _stands_for(contained: Resource, hidden: Sequence[Resource], resource: Resource) -> Resource | None:
    """Return which of ``hidden`` is the same as ``contained``, which ``resource`` contains; None for nothing, or for no certainty.

    It has the type and the id, which nothing else has, before and after; and an identifier or a name in common, where
    either has such: people use one id for one person after another.
    """
    found = [each for each in hidden if _name(each) == _name(contained)]
    alike = [each for each in resource[_CONTAINED] if _name(each) == _name(contained)]
    if len(found) != 1 or len(alike) != 1:
        return None
    before, after = _known_by(found[0]), _known_by(contained)
    return found[0] if before & after or not (before or after) else None


def _name(contained: Resource) -> tuple[object, object]:
    return contained.get(_TYPE), contained.get("id")


def _known_by(contained: Resource) -> set[tuple[object, object]]:
    identifiers = ((each.get("system"), each["value"]) for each in _objects(contained, "identifier") if "value" in each)
    names = (("", _folded(each[key])) for each in _objects(contained, "name") for key in ("family", "text") if key in each)
    return {*identifiers, *names}


def _objects(resource: Resource, name: str) -> list[Resource]:
    listed = resource.get(name)
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _folded(name: object) -> str:
    return " ".join(str(name).casefold().split())


def may_matter(body: bytes, signs: Signs) -> bool:
    """Tell whether ``body`` may hold some of what is known by ``signs``."""
    return may_hide(body) or any(any(each in body for each in names) and type_ in body for type_, names in signs)


def _shown(resource: Resource, elements: Elements, own: tuple[str, ...]) -> Resource:
    """Return ``resource``, a Bundle with all in it, without ``elements``; the same object when there is nothing to leave out."""
    type_ = resource.get(_TYPE)
    if type_ == "Bundle":
        return _bundle(resource, elements, own)
    contained = resource.get(_CONTAINED, [])
    made = [_without(each, elements.get(str(each.get(_TYPE)), frozenset())) for each in contained]
    if any(one is not other for one, other in zip(made, contained, strict=True)):
        resource = {**_without_narrative(resource), _CONTAINED: made}
    return resource if f"{type_}/{resource.get('id')}" in own else _without(resource, elements.get(str(type_), frozenset()))


def _without(resource: Resource, names: frozenset[str]) -> Resource:
    gone = {member for member in resource if is_left_out(member, names)}
    if not gone:
        return resource
    some = {member: each for member, each in resource.items() if member not in gone}
    return {**_without_narrative(some), _META: tagged(resource.get(_META, {}))}


def _without_narrative(resource: Resource) -> Resource:
    return {member: each for member, each in resource.items() if member != _NARRATIVE}


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
