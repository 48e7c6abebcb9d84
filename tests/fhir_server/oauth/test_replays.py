"""Which proofs were used: remembered for long enough, no longer, and never without end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import TooCostly
from fhir_server.oauth.replays import MemoryReplays, StoredReplays
from fhir_server.storage.open import open_repository

SECOND = 1_000_000


def first(replays: MemoryReplays, key: bytes, issued: int, now: int) -> bool:
    return asyncio.run(replays.first(key, issued, issued + 61 * SECOND, now))


def test_a_key_comes_for_the_first_time_once() -> None:
    replays = MemoryReplays(0)
    assert [first(replays, key, 100 * SECOND, 100 * SECOND) for key in (b"a", b"b", b"a", b"b")] == [True, True, False, False]


def test_what_has_expired_is_forgotten() -> None:
    replays = MemoryReplays(0, most=2)
    assert first(replays, b"a", 0, 0)
    assert first(replays, b"b", 10 * SECOND, 10 * SECOND)
    with pytest.raises(TooCostly):
        first(replays, b"c", 20 * SECOND, 20 * SECOND)
    assert first(replays, b"c", 61 * SECOND, 61 * SECOND)
    assert len(replays._used) == len(replays._order) == 2


def test_what_was_made_before_the_start_counts_as_used() -> None:
    replays = MemoryReplays(100 * SECOND + 700_000)
    assert not first(replays, b"a", 99 * SECOND, 101 * SECOND)
    assert first(replays, b"a", 100 * SECOND, 101 * SECOND)  # within the second of the start: proofs are dated in whole seconds


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-60, 60), st.integers(0, 30)), max_size=40))
def test_no_proof_is_good_twice_while_its_date_is(steps: list[tuple[int, int, int]]) -> None:
    replays, now, used = MemoryReplays(-1000 * SECOND), 0, dict[int, int]()
    for key, skew, pause in steps:
        now += pause * SECOND
        issued = now + skew * SECOND
        if key in used and now <= used[key] + 60 * SECOND:
            assert not first(replays, bytes([key]), issued, now)
        elif first(replays, bytes([key]), issued, now):
            used[key] = issued


def test_the_database_remembers_for_everybody(database_url: str) -> None:
    async def run() -> list[bool]:
        repository = await open_repository(database_url)
        try:
            one, two = (StoredReplays(repository.authorization().first_use) for _ in range(2))
            asked = [(one, b"a", 0), (two, b"a", 1), (two, b"b", 1), (one, b"b", 2), (one, b"a", 62 * SECOND)]
            return [await replays.first(key, 0, 61 * SECOND, now) for replays, key, now in asked]
        finally:
            await repository.close()

    assert asyncio.run(run()) == [True, False, True, False, True]
