"""What of a search may be asked of a source: all that it looks for is among what that finds.

The hub carries out the whole search itself, on what comes. So of a condition that a source may understand otherwise nothing is
asked, and a date a day wider: the source may live in another time zone (https://hl7.org/fhir/R4/search.html#date).
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from fhir_server.search.tree import And, Date, Node, Or, Token

_MICROSECONDS: Final = 1_000_000
_DAY: Final = timedelta(days=1)
_LOWER: Final = frozenset({"eq", "ge", "gt", "sa"})
_UPPER: Final = frozenset({"eq", "le", "lt", "eb"})
_NEVER: Final = frozenset({"identifier"})
"""Numbers of persons and of papers, which no source needs to know that the hub looks for."""
_SPECIAL: Final = frozenset(",|$\\")
Parameters = tuple[tuple[str, str], ...]


def narrowed(where: Node, names: Collection[str]) -> Parameters:
    """Return the parameters, among those with ``names``, that a source may carry out of a search for ``where``."""
    parts = where.parts if isinstance(where, And) else (where,)
    return tuple(each for part in parts for each in _of(part) if each[0] in names and _may_be_sent(each[0]))


def _may_be_sent(name: str) -> bool:
    """Tell whether a source may narrow by a parameter: tags, labels and the like are the hub's own on what it shows."""
    return name not in _NEVER and not name.startswith("_")


def _of(part: Node) -> Iterator[tuple[str, str]]:
    match part:
        case Date():
            yield from _dates(part)
        case Token():
            yield from _tokens((part,))
        case Or(parts):
            tokens = tuple(each for each in parts if isinstance(each, Token))
            if len(tokens) == len(parts) and len({each.param for each in tokens}) == 1:
                yield from _tokens(tokens)
        case _:
            return


def _tokens(tokens: tuple[Token, ...]) -> Iterator[tuple[str, str]]:
    if all(each.code and not _SPECIAL & {*each.code, *(each.system or "")} for each in tokens):
        # Without a system: a code, whose system FHIR itself says, is kept under none here.
        values = (f"{each.system}|{each.code}" if each.system else each.code for each in tokens)
        yield tokens[0].param, ",".join(values)


def _dates(part: Date) -> Iterator[tuple[str, str]]:
    try:
        if part.prefix in _LOWER:
            yield part.param, f"ge{_day(part.low) - _DAY:%Y-%m-%d}"
        if part.prefix in _UPPER:
            yield part.param, f"le{_day(part.high) + _DAY:%Y-%m-%d}"
    except (OverflowError, ValueError, OSError):  # no calendar has that day
        return


def _day(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / _MICROSECONDS, UTC)
