"""Rewrites the content of a source's resource so that it stands on its own at the hub."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from fhir_server.federation.guard import identifiers
from fhir_server.federation.references import is_reference

ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
WITHHELD = "(withheld)"
_OF_ATTACHMENT = frozenset({"contentType", "creation", "hash", "language", "size", "title"})


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How references of one answer are rewritten.

    ``targets`` maps "Type/id" at the source to "Type/id" at the hub; ``patient`` is the hub's patient, ``known_as`` the patient's
    identifiers at the source; ``traces`` matches what must not be shown, ``opaque`` makes a URN of a URL that does.
    """

    targets: Mapping[str, str]
    patient: str
    known_as: Collection[tuple[str, str]]
    traces: re.Pattern[str]
    opaque: Callable[[str], str]


def rewritten(content: Mapping[str, object], how: Rewriting) -> dict[str, object]:
    """Return ``content`` with its references rewritten, without narrative, and without a trace of its source's address."""
    return {name: made for name, value in content.items() if not _is_narrative(value) and (made := _value(value, how)) is not None}


def _value(value: object, how: Rewriting) -> object:
    """Return what is left of a JSON value, None when that is nothing."""
    if isinstance(value, str):
        return _text(value, how) if how.traces.search(value) else value
    if isinstance(value, list):
        return [made for each in value if (made := _value(each, how)) is not None] or None
    if not isinstance(value, dict):
        return value
    if is_reference(value):
        return _reference(value, how)
    if _names_the_patient(value, how):
        return None
    return rewritten(_without_address(value, how), how) or None


def _without_address(value: Mapping[str, object], how: Rewriting) -> Mapping[str, object]:
    """Return ``value`` with a URN for the url of an Attachment: wherever that leads, it is not to be fetched past the hub.

    An Extension, which has a url too, has a value or extensions and nothing else.
    """
    url = value.get("url")
    is_extension = any(name.startswith("value") or name in {"extension", "_url"} for name in value)
    if not isinstance(url, str) or url.startswith("urn:") or (is_extension and not value.keys() & _OF_ATTACHMENT):
        return value
    return {**value, "url": how.opaque(url)}


def _reference(value: Mapping[str, object], how: Rewriting) -> dict[str, object]:
    literal = str(value.get("reference", ""))
    target = how.targets.get(literal.partition("/_history/")[0])
    if target == how.patient or (not target and any(each in how.known_as for each in identifiers(value))):
        return {"reference": how.patient}
    rest = rewritten({name: each for name, each in value.items() if name != "reference"}, how)
    if target or literal.startswith("#"):
        return {"reference": target or literal, **rest}
    return rest if rest.keys() - {"type"} else {**rest, "extension": [ABSENT]}


def _names_the_patient(value: Mapping[str, object], how: Rewriting) -> bool:
    return (value.get("system"), value.get("value")) in how.known_as


def _is_narrative(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("div"), str)


def _text(value: str, how: Rewriting) -> str:
    return how.opaque(value) if URL.fullmatch(value) else how.traces.sub(WITHHELD, value)
