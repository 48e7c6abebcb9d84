"""When a medicine is taken: the time expressions of an HL7v3 administration request (TS, IVL_TS, PIVL_TS, SXPR_TS).

Only what FHIR can hold without guessing becomes structure: one period of use, and one rhythm (so many times a period, fixed times
of the day, a cycle).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from mappings.functions import Unmappable
from mappings.hl7v3.quantities import UCUM, duration, number
from mappings.hl7v3.times import date_time, instant, later, time_of_day
from mappings.tree import Node
from terminology.concept_maps import concept_map

Json = dict[str, object]
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """So often: ``frequency`` times per ``period`` ``unit`` (FHIR unit of time), at ``times`` of the day when there are any."""

    frequency: int
    period: Decimal
    unit: str
    times: tuple[str, ...] = ()

    def repeat(self, most: int = 0) -> Json:
        """Return Timing.repeat; ``most`` is a higher frequency that is allowed as well."""
        found: Json = {}
        if not (self.times and self.period == ONE and self.unit == "d"):
            found = {"frequency": self.frequency, "period": self.period, "periodUnit": self.unit}
            if most:
                found["frequencyMax"] = most
        return found | ({"timeOfDay": list(self.times)} if self.times else {})


@dataclass(slots=True)
class Times:
    """What the time expressions of one request say. ``rhythm`` and ``cycle`` (active length, whole length) are None when absent.

    ``once`` is the moment of a single dose. ``problems`` say what could not be structured.
    """

    start: str = ""
    end: str = ""
    width: Json | None = None
    once: str = ""
    rhythm: Rhythm | None = None
    cycle: tuple[Json, Json] | None = None
    problems: list[str] = field(default_factory=list)


def read_times(request: Node) -> Times:
    """Read all time expressions of a request; what cannot be read becomes a problem, never an error."""
    times = Times()
    clocks: list[Node] = []
    for part in (leaf for time in request.all("effectiveTime") for leaf in _leaves(time)):
        kind = part.type or _guess(part)
        try:
            if kind == "IVL_TS":
                _bounds(part, times)
            elif kind == "PIVL_TS":
                _periodic(part, times, clocks)
            elif kind == "TS":
                _once(part, times)
            elif kind:
                times.problems.append("a time expression is of a kind that is not structured")
            if part.value("operator") not in ("", "A", "I"):
                times.problems.append("a time expression excludes times")
        except Unmappable as error:
            times.problems.append(str(error))
    try:
        _fixed_times(clocks, times)
    except Unmappable as error:
        times.problems.append(str(error))
    return times


def rhythm_of(value: Decimal, unit: str) -> Rhythm:
    """Return the rhythm of a period: below one unit it is a number of times per unit (0.3333 d: three times a day).

    Unmappable when that number is not whole, or the unit is none of time.
    """
    match = concept_map("time-unit-to-ucum").translate(unit, UCUM)
    if match is None:
        raise Unmappable("a period has a unit that is none of time")
    if value <= 0:
        raise Unmappable("a period has no length")
    if value >= 1:
        return Rhythm(1, value, match.code)
    frequency = round(ONE / value, 1)
    if frequency != frequency.to_integral_value():
        raise Unmappable("a period is no whole number of times per unit")
    return Rhythm(int(frequency), ONE, match.code)


def period_of_use(requests: list[Times]) -> Json | None:
    """Return the period that all requests together cover, with its length where that is said; None when it is not known."""
    found: Json = {}
    starts = [times.start or times.once for times in requests]
    ends = [times.end for times in requests]
    single = len({*starts}) == 1
    if all(starts) and sum(1 for times in requests if times.once) <= 1:
        found["start"] = min(starts, key=instant)
    widths = [times.width for times in requests if times.width]
    if len(widths) == len(requests) and single and all(width == widths[0] for width in widths):
        found["extension"] = [{"url": DURATION, "valueDuration": widths[0]}]
    if all(ends):
        found["end"] = max(ends, key=instant)
    elif not single and all(starts) and len(widths) == len(requests) and all(width["code"] == "d" for width in widths):
        lasts = [later(start, timedelta(days=float(str(width["value"])))) for start, width in zip(starts, widths, strict=True)]
        found["end"] = max(lasts, key=instant)
    return found or None


DURATION = "http://nictiz.nl/fhir/StructureDefinition/ext-TimeInterval.Duration"


def _leaves(time: Node) -> list[Node]:
    """Return the time expressions that a (nested) set expression is made of."""
    parts = time.all("comp")
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [time]


def _guess(part: Node) -> str:
    """Return the type of a time expression that does not say it; "" for an empty one."""
    names = {child.name for child in part.children}
    if names & {"period", "phase"}:
        return "PIVL_TS"
    if names & {"low", "high", "width", "center"}:
        return "IVL_TS"
    return "TS" if part.value() else ""


def _bounds(part: Node, times: Times) -> None:
    low, high, width = part.first("low"), part.first("high"), part.first("width")
    for name, node in (("start", low), ("end", high)):
        if node and node.value():
            if getattr(times, name):
                raise Unmappable("a request has more than one period of use")
            setattr(times, name, date_time(node.value()))
    if width and width.value():
        times.width = duration(width)
    if part.first("center"):
        raise Unmappable("a period of use is given by its middle")
    if part.value():
        _once(part, times)


def _once(part: Node, times: Times) -> None:
    if not part.value():
        return
    if times.once:
        raise Unmappable("a request has more than one single moment")
    times.once = date_time(part.value())


def _periodic(part: Node, times: Times, clocks: list[Node]) -> None:
    period, phase = part.first("period"), part.first("phase")
    if period is None or not period.value():
        raise Unmappable("a periodic time has no period")
    center, width = (phase.first("center"), phase.first("width")) if phase else (None, None)
    if center and center.value():
        clocks.append(part)
    elif width and width.value():
        if times.cycle:
            raise Unmappable("a request has more than one cycle")
        active, whole = duration(width), duration(period)
        assert active is not None
        assert whole is not None
        times.cycle = (active, whole)
    elif phase and phase.children:
        raise Unmappable("a periodic time is tied to a moment in a way that is not structured")
    elif times.rhythm:
        raise Unmappable("a request has more than one rhythm")
    else:
        times.rhythm = rhythm_of(number(period.value()), period.value("unit"))


def _fixed_times(clocks: list[Node], times: Times) -> None:
    """Read the moments of the day: all with the same period of whole days."""
    if not clocks:
        return
    if times.rhythm:
        raise Unmappable("a request has both a rhythm and fixed times")
    found, periods = [], set()
    for part in clocks:
        period, phase = part.first("period"), part.first("phase")
        assert period is not None
        assert phase is not None
        center = phase.first("center")
        assert center is not None
        found.append(time_of_day(center.value()))
        periods.add((number(period.value()), period.value("unit")))
    value, unit = periods.pop()
    days = rhythm_of(value, unit)
    if periods or days.unit != "d" or days.frequency != 1 or value != value.to_integral_value():
        raise Unmappable("fixed times do not return after the same number of whole days")
    times.rhythm = Rhythm(len(found), days.period, days.unit, tuple(found))
