"""HL7v3 time stamps (TS) as FHIR dates and times (https://hl7.org/fhir/R4/datatypes.html#dateTime).

A time stamp has the precision that its length gives. A date stays a date, and never has an offset. A time without offset is Dutch
civil time and gets the offset that Amsterdam had at that moment.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mappings.functions import Call, Functions, Unmappable
from mappings.tree import Node

FUNCTIONS = Functions()
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_STAMP = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?)?)?)?)?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?"
)
_WIDEST_OFFSET = 14 * 60
_OUT_OF_CALENDAR = "a time lies outside the calendar"


def date_time(stamp: str) -> str:
    """Return a time stamp as FHIR dateTime ("20240101100000" -> "2024-01-01T10:00:00+01:00"); Unmappable when it is none."""
    match = _match(stamp)
    date = _date(match)
    if match["hour"] is None:
        return date
    moment = _moment(match)
    fraction = (match["fraction"] or "").rstrip("0").rstrip(".")
    return f"{date}T{moment:%H:%M:%S}{fraction}{_offset(match, moment)}"


def date(stamp: str) -> str:
    """Return the date of a time stamp as FHIR date, as precise as it is; Unmappable when it is none."""
    return _date(_match(stamp))


def time_of_day(stamp: str) -> str:
    """Return the time of a time stamp as FHIR time; Unmappable when it has none."""
    match = _match(stamp)
    if match["hour"] is None:
        raise Unmappable("a time of day has only a date")
    return f"{_moment(match):%H:%M:%S}"


def later(moment: str, days: timedelta) -> str:
    """Return a FHIR dateTime (to the day at least) moved by days of the Dutch calendar; Unmappable outside of it."""
    try:
        civil = instant(moment).astimezone(AMSTERDAM).replace(tzinfo=None) + days
    except OverflowError:
        raise Unmappable(_OUT_OF_CALENDAR) from None
    return date_time(f"{civil:%Y%m%d%H%M%S}")


def instant(moment: str) -> datetime:
    """Return a FHIR dateTime as a point in time, to compare with others; less precise ones are at their beginning."""
    text = moment + "-01-01"[len(moment) - 4 :] if len(moment) < len("2024-01-01") else moment
    parsed = datetime.fromisoformat(text)
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=AMSTERDAM)).astimezone(UTC)
    except OverflowError:
        raise Unmappable(_OUT_OF_CALENDAR) from None


@FUNCTIONS.each("date_time")
def _date_time(node: Node, _call: Call) -> str | None:
    stamp = node.value()
    return date_time(stamp) if stamp else None


@FUNCTIONS.each("date")
def _date_of(node: Node, _call: Call) -> str | None:
    stamp = node.value()
    return date(stamp) if stamp else None


def _match(stamp: str) -> re.Match[str]:
    match = _STAMP.fullmatch(stamp)
    if match is None or not stamp.isascii():
        raise Unmappable("a time stamp is not of the form YYYYMMDDhhmmss")
    return match


def _moment(match: re.Match[str]) -> datetime:
    parts = [int(match[part] or least) for part, least in _PARTS]
    try:
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - civil time; the offset is worked out by the caller
    except ValueError:
        raise Unmappable("a time stamp names a moment that does not exist") from None


_PARTS = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))


def _date(match: re.Match[str]) -> str:
    _moment(match)
    return "-".join(part for part in (match["year"], match["month"], match["day"]) if part)


def _offset(match: re.Match[str], moment: datetime) -> str:
    given = match["offset"]
    if given == "Z":
        return "Z"
    if given:
        minutes = int(given[1:3]) * 60 + int(given[3:].removeprefix(":") or 0)
        if minutes > _WIDEST_OFFSET or int(given[3:].removeprefix(":") or 0) > 59:  # noqa: PLR2004 - minutes of an hour
            raise Unmappable("a time stamp has an offset that does not exist")
        sign = given[0]
    else:
        offset = moment.replace(tzinfo=AMSTERDAM).utcoffset() or timedelta()
        minutes, sign = round(offset.total_seconds() / 60), "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"
