from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.functions import Unmappable
from mappings.hl7v3.times import date, date_time, instant, later, time_of_day


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2024", "2024"),
        ("202402", "2024-02"),
        ("20240229", "2024-02-29"),
        ("2024022910", "2024-02-29T10:00:00+01:00"),
        ("202402291011", "2024-02-29T10:11:00+01:00"),
        ("20240229101112", "2024-02-29T10:11:12+01:00"),
        ("20240229101112.000", "2024-02-29T10:11:12+01:00"),
        ("20240229101112.1250", "2024-02-29T10:11:12.125+01:00"),
        ("20240701101112", "2024-07-01T10:11:12+02:00"),
        ("20240229101112+0100", "2024-02-29T10:11:12+01:00"),
        ("20240701101112+0100", "2024-07-01T10:11:12+01:00"),
        ("20240701101112-05:30", "2024-07-01T10:11:12-05:30"),
        ("202407011011Z", "2024-07-01T10:11:00Z"),
        ("20240229+0100", "2024-02-29"),
        # the clocks go forward on 31 March 2024 at 2:00, and back on 27 October 2024 at 3:00
        ("20240331015959", "2024-03-31T01:59:59+01:00"),
        ("20240331023000", "2024-03-31T02:30:00+01:00"),
        ("20240331030000", "2024-03-31T03:00:00+02:00"),
        ("20241027015959", "2024-10-27T01:59:59+02:00"),
        ("20241027023000", "2024-10-27T02:30:00+02:00"),
        ("20241027030000", "2024-10-27T03:00:00+01:00"),
    ],
)
def test_date_time(stamp: str, expected: str) -> None:
    assert date_time(stamp) == expected


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "24",
        "2024-02-29",
        "20240230",
        "20241301",
        "2024022925",
        "202402291060",
        "20240229101160",
        "T+0D{10:00:00}",
        "00000101",
        "20240229101112+1500",
        "20240229101112+0175",
        "20240229101112x",
        "2024022\N{ARABIC-INDIC DIGIT NINE}",
    ],
)
def test_no_time_stamps(stamp: str) -> None:
    with pytest.raises(Unmappable):
        date_time(stamp)


@pytest.mark.parametrize(("stamp", "expected"), [("19410312", "1941-03-12"), ("194103121015", "1941-03-12"), ("1941", "1941")])
def test_date(stamp: str, expected: str) -> None:
    assert date(stamp) == expected


def test_time_of_day() -> None:
    assert time_of_day("19700101090000.000") == "09:00:00"
    with pytest.raises(Unmappable):
        time_of_day("19700101")


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2024-01-06", 7, "2024-01-13T00:00:00+01:00"),
        ("2024-03-30", 2, "2024-04-01T00:00:00+02:00"),
        ("2024-03-30T22:00:00+01:00", 1, "2024-03-31T22:00:00+02:00"),
        ("2024-02-28T08:30:00Z", 1, "2024-02-29T09:30:00+01:00"),
    ],
)
def test_later_counts_dutch_days(start: str | None, days: int | None, expected: str) -> None:
    assert later(start, timedelta(days=days)) == expected


def test_later_than_the_calendar() -> None:
    with pytest.raises(Unmappable):
        later("9999-12-31", timedelta(days=2))


def test_instants_can_be_compared() -> None:
    assert instant("2024-01-01") == instant("2023-12-31T23:00:00Z") == instant("2024") == instant("2024-01")
    assert instant("2024-07-01T00:00:00+02:00") < instant("2024-07-01T00:00:00+01:00")


@given(st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - civil times
def test_every_dutch_moment_keeps_its_clock_time(moment: datetime) -> None:
    found = date_time(f"{moment:%Y%m%d%H%M%S}")
    assert found[:19] == f"{moment:%Y-%m-%dT%H:%M:%S}"
    assert found[19:] in {"+01:00", "+02:00"}


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_unmappable(text: str) -> None:
    try:
        found = date_time(text)
    except Unmappable:
        return
    assert found[:4] == text[:4]
