"""Nonces are computed: whoever has the key agrees on them, and they do not last."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.oauth.nonces import Nonces
from fhir_server.oauth.store import SECOND

KEY, PERIOD = b"k" * 32, 300
NOW = 1_800_000_000 * SECOND


@given(st.integers(0, 4 * PERIOD))
def test_a_nonce_counts_in_its_period_and_the_next(later: int) -> None:
    given_out = Nonces(KEY, PERIOD).current(NOW)
    another = Nonces(KEY, PERIOD)
    assert another.holds(given_out, NOW + later * SECOND) == (later < 2 * PERIOD)


def test_a_process_whose_clock_is_behind_takes_it_too() -> None:
    assert Nonces(KEY, PERIOD).holds(Nonces(KEY, PERIOD).current(NOW), NOW - PERIOD * SECOND)


def test_nothing_else_is_one() -> None:
    nonces = Nonces(KEY, PERIOD)
    assert not any(nonces.holds(each, NOW) for each in (None, "", 7, "é", "\ud800", [], Nonces(b"o" * 32, PERIOD).current(NOW)))
    assert nonces.current(NOW) != nonces.current(NOW + PERIOD * SECOND)
