"""Which codes of a classification are about what is told to few: whole chapters of it, or ranges (``profiles/labels.toml``).

A classification orders what its codes mean, so that a beginning of a code says enough. Only what is never stored here is looked
through like this, in memory: the index knows whole codes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_BOUND: Final = re.compile(r"[A-Z][0-9]{0,2}(\.[0-9]{1,2})?")
_DOT: Final = "."


@dataclass(frozen=True, slots=True)
class Range:
    """The codes that begin with ``low``, with ``high``, or with anything as long between them."""

    low: str
    high: str

    def has(self, code: str) -> bool:
        """Tell whether ``code``, in capitals and without dots, is one of these."""
        return self.low <= code[: len(self.low)] <= self.high


@dataclass(frozen=True, slots=True)
class Classified:
    """The ranges by ``systems``, and in which ``elements`` (CodeableConcepts) of which type they are looked for."""

    elements: Mapping[str, Sequence[str]]
    systems: Mapping[str, Sequence[Range]]

    def has(self, resource: Mapping[str, object]) -> bool:
        """Tell whether one of the codes of ``resource`` lies in a range of its system."""
        names = self.elements.get(str(resource.get("resourceType")), ())
        return any(self._in_range(each) for name in names for each in _codings(resource.get(name)))

    def _in_range(self, coding: Mapping[str, object]) -> bool:
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(system, str) or not isinstance(code, str) or system not in self.systems:
            return False
        plain = _plain(code)
        return any(each.has(plain) for each in self.systems[system])


def read(given: Mapping[str, Any]) -> Classified:
    """Read the table; raises ValueError for what is no range, TypeError and AttributeError for what is no table."""
    systems = {system: tuple(map(_range, ranges)) for system, ranges in given.get("systems", {}).items()}
    return Classified({type_: tuple(names) for type_, names in given.get("elements", {}).items()}, systems)


def _range(text: str) -> Range:
    low, dash, high = text.partition("-")
    high = high if dash else low
    found = Range(_plain(low), _plain(high))
    if not all(map(_BOUND.fullmatch, (low, high))) or len(found.low) != len(found.high) or found.low > found.high:
        raise ValueError(f"{text!r} is no range: write P, B90, F00-F99 or Z61.4-Z61.6")
    return found


def _plain(code: str) -> str:
    return code.strip().upper().replace(_DOT, "")


def _codings(value: object) -> Iterator[Mapping[str, object]]:
    for concept in value if isinstance(value, list) else [value]:
        listed = concept.get("coding") if isinstance(concept, dict) else None
        yield from (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
