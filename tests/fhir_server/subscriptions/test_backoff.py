"""When what failed is tried again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.subscriptions.backoff import LONGEST, delay, following

SECOND = 1_000_000
HOUR = 3_600 * SECOND
WINDOW = 72 * HOUR


@pytest.mark.parametrize(
    ("attempts", "least", "most"),
    [(1, 2, 4), (2, 4, 8), (3, 8, 16), (4, 16, 32), (10, 1024, 2048), (11, 1800, 3600), (40, 1800, 3600), (10_000, 1800, 3600)],
)
def test_delays(attempts: int, least: int, most: int) -> None:
    assert (delay(attempts, 0), delay(attempts, 1)) == (least * SECOND, most * SECOND)


@given(st.integers(1, 200), st.floats(0, 1))
def test_a_delay_is_never_too_long(attempts: int, chance: float) -> None:
    assert 0 < delay(attempts, chance) <= LONGEST
    assert attempts > 1 or delay(attempts, chance) < 5 * SECOND


@given(st.integers(0, 1_000_000))
def test_an_endpoint_that_fails_for_ever_is_given_up_at_the_end_of_the_window(seed: int) -> None:
    now, chance = 0, Random(seed).random
    for attempts in range(1, 400):
        due = following(attempts, 0, now, WINDOW, chance())
        if due is None:
            break
        assert now < due <= WINDOW
        now = due
    assert due is None
    assert now == WINDOW


def test_without_a_window_the_first_failure_is_the_last() -> None:
    assert following(1, 5, 5, 0, 0.5) is None
