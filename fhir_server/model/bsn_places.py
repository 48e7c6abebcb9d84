"""Where numbers stand in JSON: Identifiers whose system is that of the BSN, at whatever depth and in whatever element."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.model.bsn import SYSTEMS

Change = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Makes another Identifier of the one that stands at a FHIRPath."""
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_REASON: Final = "masked"
_token: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]').finditer


def changed(value: Any, path: str, change: Change) -> Any:  # noqa: ANN401 - JSON
    """Return ``value``, which stands at ``path``, with each BSN Identifier as ``change`` makes it; itself if none is."""
    if isinstance(value, list):
        items = [changed(each, f"{path}[{index}]", change) for index, each in enumerate(value)]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    own = change(path, value) if _says_bsn(value) else value
    members = {name: changed(each, f"{path}.{name}", change) for name, each in own.items()}
    return members if own is not value or any(members[name] is not own[name] for name in own) else value


def numbered(value: Any, path: str) -> list[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - JSON
    """Return the BSN Identifiers in ``value`` that have a value, with their FHIRPath, in the order in which they begin."""
    found: list[tuple[str, dict[str, Any]]] = []

    def note(place: str, identifier: dict[str, Any]) -> dict[str, Any]:
        if isinstance(identifier.get("value"), str):
            found.append((place, identifier))
        return identifier

    changed(value, path, note)
    return found


def masked(identifier: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``identifier`` without its value, and with the reason why there is none.

    https://hl7.org/fhir/R4/extension-data-absent-reason.html
    """
    absent = {"extension": [{"url": _ABSENT, "valueCode": _REASON}]}
    members = {name: each for name, each in identifier.items() if name != "_value"}
    return {("_value" if name == "value" else name): absent if name == "value" else each for name, each in members.items()}


def is_masked(identifier: Mapping[str, Any]) -> bool:
    """Tell whether ``identifier`` says that its value is not shown."""
    inside = identifier.get("_value")
    extensions = inside.get("extension", ()) if isinstance(inside, dict) and "value" not in identifier else ()
    return any(each.get("url") == _ABSENT and each.get("valueCode") == _REASON for each in extensions)


def _says_bsn(value: Mapping[str, Any]) -> bool:
    system = value.get("system")
    return isinstance(system, str) and system in SYSTEMS


@dataclass(slots=True)
class _Frame:
    """An object (or an array: ``key`` stays "") that is being read: where it began, and what it says so far."""

    start: int
    key: str = ""
    named: bool = False
    system: str = ""
    value: tuple[int, int] | None = None


def spans(text: str) -> list[tuple[int, int]]:
    """Return where the values that ``numbered`` gives stand in the sound JSON ``text``, quotes included, in the same order."""
    return [span for _, span in sorted(_values(text))]


def _values(text: str) -> Iterator[tuple[int, tuple[int, int]]]:
    frames = [_Frame(0)]
    for match in _token(text):
        token, frame = match[0], frames[-1]
        match token[0]:
            case "{" | "[":
                frames.append(_Frame(match.start()))
            case "}" | "]":
                frames.pop()
                if frame.value and frame.system in SYSTEMS:
                    yield frame.start, frame.value
            case ",":
                frame.named, frame.key = False, ""
            case ":":
                frame.named = True
            case _:
                _read(frame, token, match.span())


def _read(frame: _Frame, token: str, span: tuple[int, int]) -> None:
    if not frame.named:
        frame.key = json.loads(token) if "\\" in token else token[1:-1]
    elif frame.key == "system":
        frame.system = json.loads(token)
    elif frame.key == "value":
        frame.value = span
