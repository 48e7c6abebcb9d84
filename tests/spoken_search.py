"""What the words of the specification say of a resource and a condition, read from the JSON: no index, no tree.

A condition says the same twice: as a parameter of a query, and as a predicate on the resource.
https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Json = Any
BASE = "https://hub.example/fhir"
INFINITE = Decimal("Infinity")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FIRST_DAY, LAST_DAY = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Condition:
    """A parameter of a query, and what it says."""

    name: str
    value: str
    holds: Callable[[Json], bool]


def escape(text: str) -> str:
    return re.sub(r"([\\,|$])", r"\\\1", text)


class Extent(NamedTuple):
    """The values from ``low`` to ``high``; a side is included unless it is open."""

    low: Any
    high: Any
    open_low: bool = False
    open_high: bool = False

    def within(self, other: "Extent") -> bool:
        above = self.low > other.low or (self.low == other.low and (self.open_low or not other.open_low))
        below = self.high < other.high or (self.high == other.high and (self.open_high or not other.open_high))
        return above and below

    def before(self, other: "Extent") -> bool:
        return bool(self.high < other.low or (self.high == other.low and (self.open_high or other.open_low)))


def compares(prefix: str, target: Extent, query: Extent) -> bool:
    """Compare as in https://hl7.org/fhir/R4/search.html#prefix, where "the range above" begins at the end of the value."""
    above = not (target.high < query.high or (target.high == query.high and (target.open_high or not query.open_high)))
    below = not (target.low > query.low or (target.low == query.low and (target.open_low or not query.open_low)))
    equal = target.within(query)
    return {
        "eq": equal, "ne": not equal, "gt": above, "lt": below, "ge": above or equal, "le": below or equal,
        "sa": query.before(target), "eb": target.before(query), "ap": not (target.before(query) or query.before(target)),
    }[prefix]  # fmt: skip


def number_asked(prefix: str, text: str) -> Extent:
    number = Decimal(text)
    if prefix not in {"eq", "ne", "ap"}:
        return Extent(number, number)
    digits = int(number.as_tuple().exponent)
    half = Decimal(10) ** digits / (2 if digits <= 0 else 20)  # the example of the specification: 1e2 is 95 to 105
    if prefix == "ap":
        margin = max(half, abs(number) / 10)
        return Extent(number - margin, number + margin)
    return Extent(number - half, number + half, open_high=True)


def quantity_extent(value: Json) -> Extent | None:
    if "low" in value or "high" in value:
        low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
        return Extent(-INFINITE if low is None else low, INFINITE if high is None else high)
    if "value" not in value:
        return None
    number = value["value"]
    match value.get("comparator"):
        case "<" | "<=" as sign:
            return Extent(-INFINITE, number, open_high=sign == "<")
        case ">" | ">=" as sign:
            return Extent(number, INFINITE, open_low=sign == ">")
        case _:
            return Extent(number, number)


def has_unit(value: Json, unit: tuple[str, str] | None) -> bool:
    if unit is None:
        return True
    system, code = unit
    ends = [value[end] for end in ("low", "high") if end in value] or [value]
    if system:
        return any((one.get("system"), one.get("code")) == (system, code) for one in ends)
    return any(code in {one.get("code"), one.get("unit")} for one in ends)


def moment(text: str) -> Extent:
    """The instants that a date, at the precision it is written with, spans; without zone it is time in the Netherlands."""
    if len(text) > len("2026-05-20"):
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=AMSTERDAM)).astimezone(UTC)
        width = (
            timedelta(milliseconds=1)
            if "." in text
            else timedelta(seconds=1)
            if text.count(":") > 1 + ("+" in text)
            else timedelta(minutes=1)
        )
        return Extent(at, at + width, open_high=True)
    parts = [int(part) for part in text.split("-")]
    year, month, day = (*parts, 1, 1)[:3]
    low = datetime(year, month, day, tzinfo=AMSTERDAM)
    if len(parts) == 1:
        high = low.replace(year=year + 1)
    elif len(parts) == 2:
        high = (low + timedelta(days=32)).replace(day=1)
    else:
        high = (low.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=AMSTERDAM)
    return Extent(low.astimezone(UTC), high.astimezone(UTC), open_high=True)


def period_extent(value: Json) -> Extent:
    low = moment(value["start"]).low if "start" in value else FIRST_DAY
    return Extent(low, moment(value["end"]).high if "end" in value else LAST_DAY, open_high=True)


def timing_extent(value: Json) -> Extent:
    spans = [moment(event) for event in value.get("event", [])]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    spans += [period_extent(bounds)] if bounds else []
    return Extent(min(one.low for one in spans), max(one.high for one in spans), open_high=True)


def date_asked(prefix: str, text: str) -> Extent:
    asked = moment(text)
    if prefix != "ap":
        return asked
    width = max(asked.high - asked.low, timedelta(days=1))
    return Extent(asked.low - width, asked.high + width, open_high=True)


def dates_of(element: Json, name: str) -> list[Extent]:
    found = [moment(element[f"{name}DateTime"])] if f"{name}DateTime" in element else []
    found += [period_extent(element[f"{name}Period"])] if f"{name}Period" in element else []
    return found + ([timing_extent(element[f"{name}Timing"])] if f"{name}Timing" in element else [])


def tokens(value: Json) -> set[tuple[str, str]]:
    """The (system, code) of a CodeableConcept, Coding, Identifier, code or boolean."""
    if isinstance(value, bool):
        return {("", str(value).lower())}
    if isinstance(value, str):
        return {("", value)}
    codings = value.get("coding", [] if "text" in value else [value])
    return {(one.get("system", ""), one.get("code", one.get("value", ""))) for one in codings}


def is_token(value: Json, system: str | None, code: str) -> bool:
    return any((not code or code == has) and (system is None or system == of) for of, has in tokens(value) if has or not code)


def words(value: Json) -> Iterable[str]:
    """What ``:text`` searches in a CodeableConcept, Coding or Identifier."""
    if "value" in value or "type" in value:
        return [value["type"]["text"]] if "text" in value.get("type", {}) else []
    codings = value.get("coding", [value])
    return [text for text in (value.get("text"), *(one.get("display") for one in codings)) if text]


def starts(text: str, wanted: str) -> bool:
    return text.lower().startswith(wanted.lower())


def refers(value: Json, target: str) -> bool:
    """Tell whether a Reference points to ``target``, written relative, absolute or with a version."""
    literal, wanted = (one.removeprefix(f"{BASE}/").partition("/_history/")[0] for one in (value.get("reference", "#"), target))
    return bool(literal == wanted)


def is_below(url: str, parent: str) -> bool:
    """Tell whether a canonical is ``parent`` or below it: further down its path, or, where that names a version, a part of that."""
    (url, _, version), (parent, _, asked) = url.partition("|"), parent.partition("|")
    if asked:
        return url == parent and version.split(".")[: asked.count(".") + 1] == asked.split(".")
    ours, theirs = url.rstrip("/").split("/"), parent.rstrip("/").split("/")
    return "://" in url and ours[: len(theirs)] == theirs


def distance(one: float, other: float, latitude: float, longitude: float) -> float:
    """The metres between two positions, by the haversine."""
    north, south = radians(one), radians(latitude)
    across = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(radians(longitude - other) / 2) ** 2
    return 2 * 6_371_008.8 * asin(min(1.0, sqrt(across)))
