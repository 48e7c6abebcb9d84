"""The values of search: normalised strings, instants and the ranges that dates span, escapes and prefixes.

Instants are microseconds since 1970-01-01T00:00:00Z; a range is ``[low, high)``. What has no zone is time in the Netherlands.
https://hl7.org/fhir/R4/search.html
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.tree import Prefix

ZONE = ZoneInfo("Europe/Amsterdam")
DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the arithmetic on wall-clock times is without zone, the offset is taken off after it
_LAST_YEAR = 9999
_ZONES_AGREE = 1970  # copies of the zone database differ before it, and the index must not; then standard time holds
_MICROSECOND = timedelta(microseconds=1)
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+\- ]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_PREFIX = re.compile(r"[a-z]{2}(?=[+-]?\d)")
_ESCAPE = re.compile(r"\\([\\,|$])")


class DateError(ValueError):
    """A text is no FHIR date, dateTime or instant."""


class Range(NamedTuple):
    """The time from ``low`` up to, not including, ``high``."""

    low: int
    high: int


def normalise(text: str) -> str:
    """Return ``text`` without accents and case, runs of white space as one space, none at the ends."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(char for char in folded if not unicodedata.combining(char)).split())


@lru_cache(maxsize=4096)
def span(text: str) -> Range:
    """Return the range that a FHIR date, dateTime or instant spans at the precision it is written with.

    Minutes without seconds and a space for the plus sign of the zone are accepted, as they occur in queries. A wall-clock time that
    comes twice (end of summer time) is the first one. Raises DateError.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise DateError("not of the form YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fff]][Z|+hh:mm]")
    try:
        return _day(found) if found["hour"] is None else _time(found)
    except ValueError as error:
        raise DateError(str(error)) from error


def instant(text: str) -> int:
    """Return the first microsecond of a FHIR instant, dateTime or date. Raises DateError."""
    return span(text).low


def _day(found: re.Match[str]) -> Range:
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    low = _local(year, month, day)
    if found["day"] is not None:
        following = datetime(year, month, day) + timedelta(days=1) if (year, month, day) != (9999, 12, 31) else None  # noqa: DTZ001 - a date
        return Range(low, _local(following.year, following.month, following.day) if following else LATEST)
    if found["month"] is not None and month < 12:  # noqa: PLR2004 - months of a year
        return Range(low, _local(year, month + 1, 1))
    return Range(low, _local(year + 1, 1, 1) if year < _LAST_YEAR else LATEST)


def _local(year: int, month: int, day: int) -> int:
    return _micros(datetime(year, month, day))  # noqa: DTZ001 - the zone is applied in _micros


def _time(found: re.Match[str]) -> Range:
    digits = found["fraction"] or ""
    second = int(found["second"] or 0)
    wall = datetime(  # noqa: DTZ001 - the zone is applied in _micros
        int(found["year"]),
        int(found["month"]),
        int(found["day"]),
        int(found["hour"]),
        int(found["minute"]),
        min(second, 59) if second <= 60 else second,  # noqa: PLR2004 - FHIR allows leap seconds
        int(digits[:6].ljust(6, "0")),
    )
    low = _micros(wall, found["zone"]) + (1_000_000 if second == 60 else 0)  # noqa: PLR2004 - the same
    width = 60_000_000 if found["second"] is None else 10 ** max(6 - len(digits), 0)
    return Range(low, low + width)


def _micros(wall: datetime, zone: str | None = None) -> int:
    return (wall - _EPOCH - _offset(wall, zone)) // _MICROSECOND


def _offset(wall: datetime, zone: str | None) -> timedelta:
    if zone is None:
        return ZONE.utcoffset(wall) or timedelta() if wall.year >= _ZONES_AGREE else timedelta(hours=1)
    if zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:  # noqa: PLR2004 - the bounds that FHIR gives a zone
        raise ValueError("the zone is not within 14 hours of UTC")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def written(micros: int) -> str:
    """Write an instant as FHIR does, in UTC with milliseconds."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def prefix_of(text: str) -> tuple[Prefix | None, str]:
    """Split "ge2024-01-01" in its prefix ("eq" when there is none, None when FHIR lacks it) and the rest."""
    found = _PREFIX.match(text)
    if found is None:
        return "eq", text
    return next((known for known in get_args(Prefix) if found[0] == known), None), text[2:]


def split_prefix(text: str) -> tuple[Prefix, str]:
    """Split a date in its prefix and the rest as ``prefix_of`` does. Raises DateError for a prefix that FHIR lacks."""
    prefix, rest = prefix_of(text)
    if prefix is None:
        raise DateError(f"'{text[:2]}' is no prefix; there are {', '.join(get_args(Prefix)[:-1])} and ap")
    return prefix, rest


def compared(text: str) -> tuple[Prefix, Range]:
    """Read a date of a query with its prefix.

    The range of ``ap`` is wider by its own width, and at least a day, at both sides.
    """
    prefix, rest = split_prefix(text)
    low, high = span(rest)
    if prefix != "ap":
        return prefix, Range(low, high)
    margin = max(high - low, DAY)
    return prefix, Range(max(low - margin, EARLIEST), min(high + margin, LATEST))


def split(text: str, separator: str) -> list[str]:
    """Split ``text`` at every ``separator`` that no backslash escapes; the parts keep their escapes."""
    if "\\" not in text:
        return text.split(separator)
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    r"""Undo ``\,`` ``\|`` ``\$`` and ``\\``; any other backslash stays."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """Write a value so that nothing in it separates."""
    return re.sub(r"([\\,|$])", r"\\\1", text)
