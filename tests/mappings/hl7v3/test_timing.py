from decimal import Decimal
from typing import Any

import pytest
from hl7v3_xml import element
from hypothesis import given
from hypothesis import strategies as st

from mappings.functions import Unmappable
from mappings.hl7v3.timing import Times, period_of_use, read_times, rhythm_of


@pytest.mark.parametrize(
    ("value", "unit", "frequency", "period", "code"),
    [
        ("1", "d", 1, "1", "d"),
        ("0.5", "d", 2, "1", "d"),
        ("0.3333", "d", 3, "1", "d"),
        ("0.333", "d", 3, "1", "d"),
        ("0.25", "d", 4, "1", "d"),
        ("0.1667", "d", 6, "1", "d"),
        ("0.5", "wk", 2, "1", "wk"),
        ("0.5", "a", 2, "1", "a"),
        ("3", "d", 1, "3", "d"),
        ("4", "h", 1, "4", "h"),
        ("1.5", "d", 1, "1.5", "d"),
        ("2", "weken", 1, "2", "wk"),
    ],
)
def test_rhythms(value: str, unit: str, frequency: int, period: str, code: str) -> None:
    found = rhythm_of(Decimal(value), unit)
    assert (found.frequency, str(found.period), found.unit) == (frequency, period, code)


@pytest.mark.parametrize(
    ("value", "unit"), [("0.4", "d"), ("0.3", "d"), ("0.7", "d"), ("0", "d"), ("-1", "d"), ("1", "g"), ("1", "")]
)
def test_no_rhythms(value: str, unit: str) -> None:
    with pytest.raises(Unmappable):
        rhythm_of(Decimal(value), unit)


@given(st.integers(1, 48))
def test_so_many_times_a_day_whatever_the_rounding(times: int) -> None:
    assert rhythm_of(round(Decimal(1) / times, 5), "d").frequency == times


def times(*effective: str) -> Times:
    return read_times(element(f"<r>{''.join(effective)}</r>"))


def piece(kind: str, inside: str, name: str = "effectiveTime") -> str:
    return f'<{name} xsi:type="{kind}">{inside}</{name}>'


DAILY = piece("PIVL_TS", '<period value="1" unit="d"/>')
TWICE = piece("PIVL_TS", '<period value="0.5" unit="d"/>')


def clock(moment: str, period: str = "1") -> str:
    return piece("PIVL_TS", f'<phase><center value="19700101{moment}"/></phase><period value="{period}" unit="d"/>')


def cycle(active: str = "21", whole: str = "28") -> str:
    return piece("PIVL_TS", f'<phase><width value="{active}" unit="d"/></phase><period value="{whole}" unit="d"/>')


def test_nested_expressions_and_prefixes() -> None:
    inner = piece("hl7:PIVL_TS", '<period value="1" unit="d"/>', "comp")
    found = times(piece("hl7:SXPR_TS", piece("IVL_TS", '<low value="20240101"/>', "comp") + piece("hl7:SXPR_TS", inner, "comp")))
    assert (found.start, found.rhythm.frequency, found.problems) == ("2024-01-01", 1, [])


def test_types_that_are_not_said() -> None:
    found = times('<effectiveTime><low value="2024"/></effectiveTime><effectiveTime><period value="1" unit="d"/></effectiveTime>')
    assert (found.start, found.rhythm.frequency) == ("2024", 1)
    assert times('<effectiveTime value="2024010108"/>').once == "2024-01-01T08:00:00+01:00"
    assert times('<effectiveTime nullFlavor="NA"/>').problems == []


@pytest.mark.parametrize(
    ("parts", "repeat"),
    [
        ((TWICE,), {"frequency": 2, "period": 1, "periodUnit": "d"}),
        ((clock("0800"), clock("2000")), {"timeOfDay": ["08:00:00", "20:00:00"]}),
        ((clock("0800", "2"),), {"frequency": 1, "period": 2, "periodUnit": "d", "timeOfDay": ["08:00:00"]}),
        (
            (clock("0800", "2"), clock("2000", "2")),
            {"frequency": 2, "period": 2, "periodUnit": "d", "timeOfDay": ["08:00:00", "20:00:00"]},
        ),
    ],
)
def test_what_repeats(parts: tuple[str, ...], repeat: dict[str, object]) -> None:
    found = times(*parts)
    assert found.problems == []
    assert found.rhythm.repeat() == repeat


def test_a_cycle() -> None:
    found = times(cycle(), DAILY)
    active, whole = found.cycle
    assert (active["value"], whole["value"], found.rhythm.frequency, found.problems) == (21, 28, 1, [])


@pytest.mark.parametrize(
    "parts",
    [
        (DAILY, TWICE),
        (cycle(), cycle("7")),
        (DAILY, clock("0800")),
        (clock("0800"), clock("2000", "2")),
        (clock("0800", "0.5"),),
        (piece("EIVL_TS", '<event code="PCM"/>'),),
        (piece("PIVL_TS", '<phase><low value="20240101"/></phase><period value="7" unit="d"/>'),),
        (piece("PIVL_TS", ""),),
        (piece("IVL_TS", '<low value="20241301"/>'),),
        (piece("IVL_TS", '<low value="2023"/>'), piece("IVL_TS", '<low value="2024"/>')),
        (piece("IVL_TS", '<center value="2023"/>'),),
        (piece("IVL_TS", '<width value="3" unit="g"/>'),),
        (piece("SXPR_TS", '<comp xsi:type="PIVL_TS" operator="E"><period value="1" unit="d"/></comp>'),),
        ('<effectiveTime xsi:type="TS" value="2023"/>', '<effectiveTime xsi:type="TS" value="2024"/>'),
    ],
)
def test_what_is_not_structured_is_a_problem(parts: tuple[str, ...]) -> None:
    assert len(times(*parts).problems) == 1


def use(*each: list[str]) -> dict[str, Any] | None:
    return period_of_use([times(piece("IVL_TS", inside)) if inside else times() for inside in each])


LOW = '<low value="20240106"/>'
LATER = '<low value="20240113"/>'
WEEK = '<width value="7" unit="d"/>'


@pytest.mark.parametrize(
    ("each", "start", "end", "days"),
    [
        ([LOW], "2024-01-06", None, None),
        ([LOW + '<high value="20240113"/>'], "2024-01-06", "2024-01-13", None),
        ([LOW + WEEK], "2024-01-06", None, 7),
        ([WEEK], None, None, 7),
        ([LOW + WEEK, LOW + WEEK], "2024-01-06", None, 7),
        ([LATER, LOW], "2024-01-06", None, None),
        ([LOW + WEEK, LATER + WEEK], "2024-01-06", "2024-01-20T00:00:00+01:00", None),
        ([LOW + '<high value="20240110"/>', LATER + '<high value="20240120"/>'], "2024-01-06", "2024-01-20", None),
        ([LOW + '<high value="20240110"/>', LATER], "2024-01-06", None, None),
        ([LOW, ""], None, None, None),
        (['<high value="20240110"/>'], None, "2024-01-10", None),
        (['<low value="20240106"/><high nullFlavor="NI"/>'], "2024-01-06", None, None),
    ],
)
def test_the_period_of_use(each: list[str], start: str | None, end: str | None, days: int | None) -> None:
    found = use(*each) or {}
    width = found.get("extension", [{}])[0].get("valueDuration", {}).get("value")
    assert (found.get("start"), found.get("end"), width) == (start, end, days)


def test_single_moments() -> None:
    once = times('<effectiveTime value="2024010108"/>')
    assert period_of_use([once]) == {"start": "2024-01-01T08:00:00+01:00"}
    assert period_of_use([once, times('<effectiveTime value="2024010208"/>')]) is None
