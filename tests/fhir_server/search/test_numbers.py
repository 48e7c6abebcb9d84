"""Numbers of the index, and the ranges that those of a query span."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.numbers import NumberError, between, compared, limits, measured, ordered, point

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**8), max_value=10**8) | st.integers(
    -9, 9
).map(Decimal)


@given(numbers, numbers)
def test_the_order_is_that_of_the_numbers(one: Decimal, other: Decimal) -> None:
    assert (one < other) == (ordered(one) < ordered(other))
    assert (one == other) == (ordered(one) == ordered(other))


@pytest.mark.parametrize("number", [Decimal("-Infinity"), Decimal("-1e400"), Decimal("-0"), 0, 10**400, Decimal("Infinity")])
def test_every_number_fits_in_the_index(number: Decimal) -> None:
    assert -(2**63) < ordered(number) < 2**63 - 1
    assert ordered(Decimal("-0")) == ordered(0)


@pytest.mark.parametrize(
    ("text", "prefix", "low", "high"),
    [
        ("100", "eq", "99.5", "100.5"),
        ("100.00", "eq", "99.995", "100.005"),
        ("1e2", "eq", "95", "105"),
        ("5.4e-3", "eq", "0.00535", "0.00545"),
        ("-3", "ne", "-3.5", "-2.5"),
        ("0", "eq", "-0.5", "0.5"),
    ],
)
def test_a_number_is_what_rounds_to_it(text: str, prefix: str, low: str, high: str) -> None:
    written = text if prefix == "eq" else prefix + text
    assert compared(written) == (prefix, (ordered(Decimal(low)), ordered(Decimal(high))))


def test_approximately_is_a_tenth_more_and_less() -> None:
    assert compared("ap100") == ("ap", between(90, 110))
    assert compared("ap0") == ("ap", between(Decimal("-0.5"), Decimal("0.5")))


@pytest.mark.parametrize("prefix", ["gt", "ge", "lt", "le", "sa", "eb"])
def test_other_prefixes_take_the_number_exactly(prefix: str) -> None:
    assert compared(f"{prefix}100") == (prefix, point(100))


@pytest.mark.parametrize(
    "text", ["", "gt", "x", "1,5", "1.", ".5", "0x10", "1e", "1e9999", "xx5", "NaN", "Infinity", "\u0661", "1_0"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NumberError):
        compared(text)


def test_a_comparator_is_all_on_its_side() -> None:
    assert measured(5, "<").high == measured(5, ">=").low == ordered(5)
    assert measured(5, "<=").high == measured(5, ">").low == ordered(5) + 1
    assert limits({"value": 5, "comparator": "<"}) == (ordered(Decimal("-Infinity")), ordered(5))


def test_a_range_may_be_open() -> None:
    assert limits({"low": {"value": 1}, "high": {"value": 2}}) == between(1, 2)
    assert limits({"low": {"value": 1}}) == between(1, None)
    assert limits({"high": {"unit": "a"}}) is None
    assert limits({"unit": "mg"}) is None
