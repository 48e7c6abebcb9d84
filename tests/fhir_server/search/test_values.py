"""Strings, dates and escapes."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search import values
from fhir_server.search.rows import LATEST

SECOND = 1_000_000
HOUR = 3600 * SECOND
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def micros(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "low", "width"),
    [
        ("2026", "2026-01-01T00:00+01:00", 365 * 24 * HOUR),
        ("2024-02", "2024-02-01T00:00+01:00", 29 * 24 * HOUR),
        ("2024-12", "2024-12-01T00:00+01:00", 31 * 24 * HOUR),
        ("2026-05-20", "2026-05-20T00:00+02:00", 24 * HOUR),
        ("1937-07-01", "1937-07-01T00:00+01:00", 24 * HOUR),
        ("1969", "1969-01-01T00:00+01:00", 365 * 24 * HOUR),
        ("2026-03-29", "2026-03-29T00:00+01:00", 23 * HOUR),
        ("2026-10-25", "2026-10-25T00:00+02:00", 25 * HOUR),
        ("2026-03", "2026-03-01T00:00+01:00", 31 * 24 * HOUR - HOUR),
        ("2026-05-20T10:30", "2026-05-20T10:30+02:00", 60 * SECOND),
        ("2026-05-20T10:30:15", "2026-05-20T10:30:15+02:00", SECOND),
        ("2026-01-20T10:30:15", "2026-01-20T10:30:15+01:00", SECOND),
        ("2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00", SECOND),
        ("2026-05-20T10:30:15Z", "2026-05-20T10:30:15+00:00", SECOND),
        ("2026-05-20T10:30:15-05:30", "2026-05-20T10:30:15-05:30", SECOND),
        ("2026-05-20T10:30:15+05:30", "2026-05-20T10:30:15+05:30", SECOND),
        ("2026-05-20T10:30:15 05:30", "2026-05-20T10:30:15+05:30", SECOND),
        ("2026-05-20T10:30:15.5Z", "2026-05-20T10:30:15.500+00:00", SECOND // 10),
        ("2026-05-20T10:30:15.123Z", "2026-05-20T10:30:15.123+00:00", 1000),
        ("2026-05-20T10:30:15.1234567Z", "2026-05-20T10:30:15.123456+00:00", 1),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", SECOND),
    ],
)
def test_a_date_spans_its_precision(text: str, low: str, width: int) -> None:
    assert values.span(text) == (micros(low), micros(low) + width)


@pytest.mark.parametrize(
    "text",
    [
        "", "abc", "26", "2026-1", "2026-13", "2026-00", "2026-02-30", "2026-05-20T", "2026-05-20T10", "2026-05-20T24:00:00",
        "2026-05-20T24:00", "2026-05-20T10:60", "2026-05-20T10:30:61Z", "2026-05-20T10:30:15+25:00", "2026-05-20T10:30:15+01:60",
        "2026-05-20T10:30:15+0100", "2026-05-20 10:30", "0000", "2026Z", "٢٠٢٦", "2026-05-20T10:30:15.Z", "2026-05-20\n",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(values.DateError):
        values.span(text)


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31"])
def test_the_last_year_has_an_end(text: str) -> None:
    assert values.span(text).high == LATEST


def test_the_first_year_has_a_beginning() -> None:
    assert values.span("0001-01-01").low < values.span("0001-01-02").low


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60), st.integers(0, 6))  # noqa: DTZ001 - wall clock
def test_a_time_with_a_zone_is_what_datetime_says(wall: datetime, minutes: int, digits: int) -> None:
    fraction = f"{wall.microsecond:06d}"[:digits]
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    text = wall.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone
    aware = wall.replace(microsecond=int(fraction.ljust(6, "0")), tzinfo=timezone(timedelta(minutes=minutes)))
    low, high = values.span(text)
    assert (low, high - low) == (micros(aware.isoformat()), 10 ** (6 - digits))


@given(st.dates(datetime(1970, 1, 1).date(), datetime(2100, 1, 1).date()))  # noqa: DTZ001 - only the date
def test_days_join_without_gap_and_tell_the_time_of_the_netherlands(day: datetime) -> None:
    today, tomorrow = values.span(day.isoformat()), values.span((day + timedelta(days=1)).isoformat())
    assert today.high == tomorrow.low
    assert today.low == micros(datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM).isoformat())
    month, year = values.span(day.isoformat()[:7]), values.span(day.isoformat()[:4])
    assert year.low <= month.low <= today.low < today.high <= month.high <= year.high


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("2026", "eq", "2026"),
        ("eq2026", "eq", "2026"),
        ("ge2026-01", "ge", "2026-01"),
        ("sa2026", "sa", "2026"),
        ("ap2026", "ap", "2026"),
    ],
)
def test_a_prefix_is_split_off(text: str, prefix: str, rest: str) -> None:
    assert values.split_prefix(text) == (prefix, rest)


def test_an_unknown_prefix_is_refused() -> None:
    with pytest.raises(values.DateError, match="'zz' is no prefix; there are eq, ne, gt, ge, lt, le, sa, eb and ap"):
        values.compared("zz2026")


def test_approximately_is_wider_by_the_width_of_the_value() -> None:
    assert values.compared("ap2026-05-20T10:00:00Z")[1] == (
        micros("2026-05-19T10:00:00+00:00"),
        micros("2026-05-21T10:00:01+00:00"),
    )
    prefix, (low, high) = values.compared("ap2026-06")
    assert (prefix, low, high) == (
        "ap",
        micros("2026-06-01T00:00+02:00") - 720 * HOUR,
        micros("2026-07-01T00:00+02:00") + 720 * HOUR,
    )


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("José", "jose"), ("JOSÉ", "jose"), ("Jose\u0301", "jose"), ("  de   Vries ", "de vries"), ("Straße", "strasse"),
        ("ﬁets", "fiets"), ("Øst", "øst"), ("İ", "i"), ("Ångström", "angstrom"), ("van 't Hof", "van 't hof"), ("", ""),
    ],
)  # fmt: skip
def test_strings_are_compared_without_case_and_accents(text: str, normal: str) -> None:
    assert values.normalise(text) == normal


@given(st.text(max_size=30))
def test_normalising_again_changes_nothing(text: str) -> None:
    assert values.normalise(values.normalise(text)) == values.normalise(text)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_case_does_not_matter(text: str) -> None:
    assert values.normalise(text.lower()) == values.normalise(text)


@given(st.lists(st.text("ab\\,|$ ", max_size=6), min_size=1, max_size=5), st.sampled_from(",|"))
def test_escaped_values_come_back_from_a_list(parts: list[str], separator: str) -> None:
    joined = separator.join(values.escape(part) for part in parts)
    assert [values.unescape(part) for part in values.split(joined, separator)] == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a,b", ["a", "b"]), (r"a\,b", [r"a\,b"]), (r"a\\,b", [r"a\\", "b"]), ("a,,b", ["a", "", "b"]), ("", [""]), ("a\\", ["a\\"])],
)
def test_a_list_is_split_at_what_is_not_escaped(text: str, parts: list[str]) -> None:
    assert values.split(text, ",") == parts


def test_a_backslash_before_anything_else_stays() -> None:
    assert values.unescape(r"a\b\,\\") == r"a\b,\ "[:-1]


def test_an_instant_is_written_in_utc() -> None:
    assert values.written(micros("2026-05-20T10:30:15.123+02:00")) == "2026-05-20T08:30:15.123Z"
