"""Numbers in whole resources: sealed before they are stored, revealed or masked on the way out."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from fhir_server.errors import Issue, Unprocessable
from fhir_server.model.body import OWN
from fhir_server.model.bsn import is_bsn
from fhir_server.model.bsn_places import changed, is_masked, masked, numbered, spans
from fhir_server.model.bsn_seal import MARK, SEALED, BsnSeal
from fhir_server.model.json import Document, read, write

# The last two are how JSON can hide a letter or a slash.
_SIGNS: Final = ("NamingSystem/bsn", "113883.2.4.6.3", MARK.decode(), "\\/", "\\u00")
_SIGNS_IN_BYTES: Final = tuple(each.encode() for each in _SIGNS)
_NINE: Final = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
_REDACTED: Final = b"*********"
_INVALID: Final = "This is no BSN: nine digits, without spaces, that pass the eleven test. Correct it, or leave the identifier out."
_FORGED: Final = "This text holds what only this server writes, in the place of a number. Send the number, or leave it out."


def may_hold(body: bytes) -> bool:
    """Tell whether ``body`` may have a number in it that is to be sealed; false alarms are allowed."""
    return any(sign in body for sign in _SIGNS_IN_BYTES)


def sealed(document: Document, seal: BsnSeal) -> Document:
    """Return ``document`` with every number sealed, and every other byte as it was. So are the same numbers in its narrative.

    Raises Unprocessable, with the place and without the text, for a value that is no BSN and for one that is sealed already.
    """
    root = str(document.resource.get("resourceType", ""))
    resource, members = dict(document.resource), dict(document.members)
    issues: list[Issue] = []
    numbers: set[str] = set()
    for name, text in document.members.items():
        if any(sign in text for sign in _SIGNS):
            value, path = resource[name], f"{root}.{name}"
            found = numbered(value, path)
            faults = [
                Issue("value", _INVALID, f"{at}.value", detail="bsn-invalid") for at, each in found if not is_bsn(each["value"])
            ]
            faults += [Issue("value", _FORGED, at, detail="bsn-sealed") for at in _forged(value, path, seal)]
            issues += faults
            numbers |= {each["value"] for _, each in found}
            if found and not faults:
                resource[name] = changed(value, path, lambda _, each: _with_value(each, seal))
                members[name] = _spliced(text, [seal.seal(each["value"]) for _, each in found])
    if issues:
        raise Unprocessable("invalid BSN", issues=issues)
    if numbers and "text" in members:
        _seal_narrative(resource, members, numbers, seal)
    return Document(resource, members)


def _seal_narrative(resource: dict[str, Any], members: dict[str, str], numbers: set[str], seal: BsnSeal) -> None:
    def in_place(text: str) -> str:
        return _NINE.sub(lambda match: seal.seal(match[0]) if match[0] in numbers else match[0], text)

    narrative = resource["text"]
    if "div" in narrative:
        resource["text"] = {**narrative, "div": in_place(narrative["div"])}
        plain = "\\u00" not in members["text"]  # else a digit may be written in another way
        members["text"] = in_place(members["text"]) if plain else write(resource["text"]).decode()


def restored(document: Document, stored: bytes) -> Document:
    """Return ``document`` with what was masked in it as it stands in the ``stored`` version: who could not see it leaves it alone.

    An Identifier that is masked stands for the one at the same place, or else for the next one in the same element.
    """
    if not any("masked" in text for text in document.members.values()):
        return document
    before = read(stored, OWN)
    resource, members = dict(document.resource), dict(document.members)
    for name in document.members:
        value = _restored(resource[name], before.resource.get(name), name)
        if name == "text" and write(value) == _redacted(write(before.resource.get(name)), ()):
            value = before.resource[name]
        if value is not resource[name]:
            same = write(value) == write(before.resource[name])
            resource[name], members[name] = value, before.members[name] if same else write(value).decode()
    return Document(resource, members)


def revealed(body: bytes, seal: BsnSeal, visible: Collection[str] | None = None) -> bytes:
    """Return the resource ``body`` as it is shown: the sealed texts among ``visible`` (None: all) as numbers, the others masked."""
    if MARK not in body:
        return body
    if visible is not None and any(text not in visible for text in texts(body)):
        body = _masked(body, visible)

    def number(match: re.Match[bytes]) -> bytes:
        text = match[0].decode()
        return (((visible is None or text in visible) and seal.open_(text)) or text).encode()

    return SEALED.sub(number, body)


def texts(body: bytes) -> set[str]:
    """Return the sealed texts in ``body``."""
    return {each.decode() for each in SEALED.findall(body)}


def own_texts(body: bytes) -> set[str]:
    """Return the sealed texts in the identifiers of the stored resource ``body`` itself, not of those that it speaks of."""
    return texts(read(body, OWN).members.get("identifier", "").encode())


def sealed_values(resource: dict[str, Any], seal: BsnSeal) -> dict[str, Any]:
    """Return ``resource``, which is never stored, with its numbers sealed; what is no number, where one belongs, is masked."""

    def change(_: str, identifier: dict[str, Any]) -> dict[str, Any]:
        value = identifier.get("value")
        if not isinstance(value, str):
            return identifier
        return _with_value(identifier, seal) if is_bsn(value) else masked(identifier)

    made: dict[str, Any] = changed(resource, "", change)
    return made


def _with_value(identifier: dict[str, Any], seal: BsnSeal) -> dict[str, Any]:
    return {**identifier, "value": seal.seal(identifier["value"])} if isinstance(identifier.get("value"), str) else identifier


def _spliced(text: str, values: list[str]) -> str:
    parts, end = [], 0
    for (start, stop), value in sorted(zip(spans(text), values, strict=True)):
        parts += [text[end:start], f'"{value}"']
        end = stop
    return "".join([*parts, text[end:]])


def _forged(value: Any, path: str, seal: BsnSeal) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield where a text stands that would be revealed as a number, though nobody sent one."""
    if isinstance(value, str):
        if any(seal.open_(each) for each in texts(value.encode())):
            yield path
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _forged(each, f"{path}.{name}", seal)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _forged(each, f"{path}[{index}]", seal)


def _masked(body: bytes, visible: Collection[str]) -> bytes:
    def change(_: str, identifier: dict[str, Any]) -> dict[str, Any]:
        value = identifier.get("value")
        hidden = isinstance(value, str) and value not in visible and SEALED.fullmatch(value.encode())
        return masked(identifier) if hidden else identifier

    document = read(body, OWN)
    members = dict(document.members)
    for name, text in document.members.items():
        if MARK.decode() in text and name == "text":
            members[name] = _redacted(text.encode(), visible).decode()
        elif MARK.decode() in text and (value := changed(document.resource[name], name, change)) is not document.resource[name]:
            members[name] = write(value).decode()
    return ("{" + ",".join(f"{write(name).decode()}:{text}" for name, text in members.items()) + "}").encode()


def _redacted(body: bytes, visible: Collection[str]) -> bytes:
    """Return the narrative ``body`` with asterisks for the sealed texts that are not ``visible``."""
    return SEALED.sub(lambda match: match[0] if match[0].decode() in visible else _REDACTED, body)


def _restored(value: Any, before: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    known = dict(numbered(before, name))
    wanted: list[str] = []

    def note(path: str, identifier: dict[str, Any]) -> dict[str, Any]:
        if is_masked(identifier):
            wanted.append(path)
        return identifier

    changed(value, name, note)
    left = {path: each for path, each in known.items() if path not in wanted}
    taken = {path: known[path] if path in known else _next(left, path) for path in wanted}

    def change(path: str, identifier: dict[str, Any]) -> dict[str, Any]:
        original = taken.get(path)
        if original is None:
            return identifier
        made: dict[str, Any] = {}
        for each, inside in identifier.items():
            hidden = ("value", "_value") if each == "_value" else ()
            made |= {one: original[one] for one in hidden if one in original} if hidden else {each: inside}
        return made

    return changed(value, name, change)


def _next(left: dict[str, dict[str, Any]], path: str) -> dict[str, Any] | None:
    """Take the first of ``left`` that stands in the same element as ``path``."""
    found = next((each for each in left if _element(each) == _element(path)), None)
    return left.pop(found) if found else None


def _element(path: str) -> str:
    return "".join(part.partition("]")[2] if index else part for index, part in enumerate(path.split("[")))
