"""SMART scopes (https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html): they narrow a role, never widen it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

Level = Literal["patient", "user", "system"]

# The codes of http://hl7.org/fhir/restful-interaction, and the two short names by which they are known to people.
LETTERS = {
    "create": "c",
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "history-type": "s",
    "history-system": "s",
    "history": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
    "search-system": "s",
    "search": "s",
}
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<right>read|write|\*|(?=.)c?r?u?d?s?)")


@dataclass(frozen=True, slots=True)
class Scope:
    """One resource scope: ``type`` is a resource type or "*", ``letters`` a part of "cruds"."""

    level: Level
    type: str
    letters: str

    def covers(self, type_: str, letter: str) -> bool:
        """Tell whether the scope names ``type_`` and ``letter``."""
        return self.type in {"*", type_} and letter in self.letters


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read the resource scopes of a scope claim, version 2 (``.rs``) and version 1 (``.read``).

    What is no resource scope (``openid``, ``launch/patient``) is left out. So is a scope with a search restriction after "?": it
    would have to narrow what it gives, so that it gives nothing is the only safe reading while restrictions are not carried out.
    """
    return tuple(scope for word in text.split() if (scope := _scope(word)) is not None)


def levels(scopes: Iterable[Scope], type_: str, interaction: str) -> frozenset[Level]:
    """Return the levels at which ``scopes`` give ``interaction`` on ``type_``; empty: not at all."""
    letter = LETTERS.get(interaction)
    return frozenset(scope.level for scope in scopes if letter is not None and scope.covers(type_, letter))


def _scope(word: str) -> Scope | None:
    match = _SCOPE.fullmatch(word)
    if match is None:
        return None
    return Scope(cast("Level", match["level"]), match["type"], _VERSION_1.get(match["right"], match["right"]))
