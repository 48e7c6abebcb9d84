from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.actor import Actor
from fhir_server.access.rates import WORTH, Limits, Rates, network_of
from fhir_server.errors import TooMany

SECOND = 1_000_000
PERSONS: Any = ["practitioner", "related-person", "patient", "operator"]


def actor(reference: str = "Practitioner/1", role: Any = "practitioner", client: str = "") -> Actor:
    return Actor(reference, role, (), client=client)


def taken(rates: Rates, who: Actor, at: int, most: int = 1000) -> int:
    """Return how many requests ``who`` gets at the instant ``at`` before one is refused."""
    for number in range(most):
        try:
            rates.charge(who, at)
        except TooMany:
            return number
    return most


@pytest.mark.parametrize("role", PERSONS)
def test_a_bucket_holds_a_minute_and_fills_with_time(role: Any) -> None:
    rates, who = Rates(Limits(person=0.5)), actor(role=role)
    assert taken(rates, who, 0) == 30
    assert taken(rates, who, 2 * SECOND - 1000) == 0
    assert taken(rates, who, 2 * SECOND) == 1
    assert taken(rates, who, 12 * SECOND) == 5
    assert taken(rates, who, 10_000 * SECOND) == 30


def test_a_refusal_says_when_to_come_back() -> None:
    rates, who = Rates(Limits(person=0.1)), actor()
    taken(rates, who, 0)
    with pytest.raises(TooMany) as caught:
        rates.charge(who, 0)
    assert caught.value.issues[0].detail == "rate-limited"
    assert dict(caught.value.headers)[b"retry-after"] == b"10"
    rates.charge(who, 10 * SECOND)
    with pytest.raises(TooMany):
        rates.charge(who, 10 * SECOND)


def test_nobody_pays_for_another() -> None:
    rates = Rates(Limits(person=0.1, address=0.1))
    assert taken(rates, actor("Practitioner/1"), 0) == 6
    assert taken(rates, actor("Practitioner/2"), 0) == 6
    for _ in range(6):
        rates.charge_address("10.0.0.1", 0)
    with pytest.raises(TooMany):
        rates.charge_address("10.0.0.1", 0)
    rates.charge_address("10.0.0.2", 0)


def test_software_pays_for_all_who_use_it_and_a_system_for_itself() -> None:
    rates = Rates(Limits(software=0.1))
    assert sum(taken(rates, actor(f"Practitioner/{each}", client="app"), 0, 4) for each in range(3)) == 6
    assert taken(rates, actor("Practitioner/9", client="other"), 0) == 6
    assert taken(rates, actor("Device/platform", "system", "app"), 0) == 6  # by its reference: its client's users do not stop it


def test_zero_is_no_limit() -> None:
    rates, who = Rates(), actor(client="app")
    assert taken(rates, who, 0) == 1000
    rates.charge_address("10.0.0.1", 0)
    rates.look_for(who, map(str, range(1000)), 0)


def test_what_costs_more_is_taken_on_and_paid_afterwards() -> None:
    rates, who = Rates(Limits(person=1)), actor()
    rates.charge(who, 0, 100)  # the bucket had 60
    with pytest.raises(TooMany) as caught:
        rates.charge(who, 0)
    assert dict(caught.value.headers)[b"retry-after"] == b"41"
    rates.charge(who, 41 * SECOND)


def test_a_clock_that_goes_back_takes_nothing() -> None:
    rates, who = Rates(Limits(person=1)), actor()
    rates.charge(who, 100 * SECOND)
    assert taken(rates, who, 10 * SECOND) == 59


def test_only_so_many_are_remembered_and_who_is_refused_among_them() -> None:
    rates, who = Rates(Limits(person=0.1), remembered=100), actor("Practitioner/loud")
    for each in range(90):
        rates.charge(actor(f"Practitioner/{each}"), 0)
    taken(rates, who, 59 * SECOND)
    for each in range(90, 180):
        rates.charge(actor(f"Practitioner/{each}"), 60 * SECOND)
    assert len(rates._buckets) <= 100
    assert taken(rates, who, 60 * SECOND) == 0
    for each in range(1000):  # all at once: nobody's bucket is full again
        rates.charge(actor(f"Practitioner/more-{each}"), 60 * SECOND)
    assert len(rates._buckets) <= 100


def test_different_numbers_are_counted_within_an_hour() -> None:
    rates, who, other = Rates(Limits(lookups=3)), actor(), actor("Practitioner/2")
    for each in ("a", "b", "a", "a", "c"):
        rates.look_for(who, [each], 0)
    with pytest.raises(TooMany) as caught:
        rates.look_for(who, ["d"], 1000 * SECOND)
    assert dict(caught.value.headers)[b"retry-after"] == b"2600"
    rates.look_for(who, ["a"], 1000 * SECOND)
    rates.look_for(other, ["d"], 1000 * SECOND)
    rates.look_for(who, ["d"], 3600 * SECOND)
    with pytest.raises(TooMany):
        rates.look_for(other, ["1", "2", "3"], 1000 * SECOND)
    assert rates.gauges()["fhir_rate_limited_lookups"][1] == 2
    rates.look_for(actor("Device/platform", "system"), map(str, range(100)), 0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_address_of_ipv6_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.tuples(st.integers(0, 5 * SECOND), st.integers(1, 9)), max_size=60), st.floats(0.05, 5))
def test_never_more_than_the_bucket_and_what_flowed_into_it(steps: list[tuple[int, int]], rate: float) -> None:
    rates, who, now, got = Rates(Limits(person=rate)), actor(), 0, 0
    largest = 0
    for wait, cost in steps:
        now += wait
        try:
            rates.charge(who, now, cost)
        except TooMany:
            continue
        got, largest = got + cost, max(largest, cost)
    assert got <= max(1.0, rate * WORTH) + rate * now / SECOND + largest
