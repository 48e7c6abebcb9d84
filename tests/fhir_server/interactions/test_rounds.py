"""What the hub does by itself: in rounds, one process at a time, and what fails keeps nothing else from being done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from opened import opened

from fhir_server.interactions.rounds import Rounds
from fhir_server.interactions.services import Services
from fhir_server.settings import read_settings
from fhir_server.storage.open import open_repository

NOON = 1_767_268_800_000_000
Act = Callable[[Services], Awaitable[object]]


@pytest.fixture
def act(tmp_path: Path, database_url: str) -> Callable[[Act], None]:
    environment = {"FHIR_SERVER_DATA_DIR": str(tmp_path / "data"), "FHIR_SERVER_DATABASE_URL": database_url}
    return lambda work: opened(read_settings(environment), work)


def test_every_duty_gets_the_moment_of_its_turn(act: Callable[[Act], None]) -> None:
    moments: list[int] = []

    async def duty(_: Services, now: int) -> None:
        moments.append(now)

    async def work(services: Services) -> None:
        clock = iter((NOON, NOON + 1)).__next__
        assert await Rounds(replace(services, clock=clock), [duty, duty]).once()

    act(work)
    assert moments == [NOON, NOON + 1]


def test_what_fails_or_hangs_is_logged_without_data_and_stops_nothing(
    act: Callable[[Act], None], caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    async def fails(_services: Services, _now: int) -> None:
        raise ValueError("Mevrouw Jansen")

    async def hangs(_services: Services, _now: int) -> None:
        await asyncio.Event().wait()

    async def works(_services: Services, _now: int) -> None:
        done.append("works")

    async def work(services: Services) -> None:
        rounds = Rounds(services, [fails, hangs, works], most=0.01)
        assert await rounds.once()
        assert await rounds.once()

    with caplog.at_level(logging.WARNING):
        act(work)
    assert done == ["works", "works"]
    assert [each.error for each in caplog.records] == ["ValueError", "TimeoutError"] * 2  # type: ignore[attr-defined]
    assert "Jansen" not in caplog.text


def test_one_at_a_time(act: Callable[[Act], None], database_url: str) -> None:
    async def work(services: Services) -> None:
        begun, end = asyncio.Event(), asyncio.Event()
        times: list[str] = []

        async def long(_services: Services, _now: int) -> None:
            times.append("long")
            begun.set()
            await end.wait()

        async def short(_services: Services, _now: int) -> None:
            times.append("short")

        # Two processes share a PostgreSQL; a SQLite file has one.
        shared = database_url.startswith("postgresql")
        other = await open_repository(database_url, b"") if shared else services.repository
        another = Rounds(replace(services, repository=other), [short])
        first = asyncio.create_task(Rounds(services, [long]).once())
        await begun.wait()
        assert not await another.once()
        end.set()
        assert await first
        assert await another.once()
        assert times == ["long", "short"]
        if shared:
            await other.close()

    act(work)


def test_a_round_that_is_cancelled_leaves_no_lock(act: Callable[[Act], None]) -> None:
    async def work(services: Services) -> None:
        begun = asyncio.Event()

        async def hangs(_services: Services, _now: int) -> None:
            begun.set()
            await asyncio.Event().wait()

        round_ = asyncio.create_task(Rounds(services, [hangs]).once())
        await begun.wait()
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_
        assert await Rounds(services, []).once()

    act(work)


def test_rounds_go_on_after_one_that_could_not_be_made(act: Callable[[Act], None]) -> None:
    async def work(services: Services) -> None:
        made, tried = asyncio.Event(), 0

        class Away:
            def alone(self, name: str) -> object:
                nonlocal tried
                tried += 1
                if tried == 1:
                    raise RuntimeError("away")
                return services.repository.alone(name)

        async def duty(_services: Services, _now: int) -> None:
            made.set()

        going = asyncio.create_task(Rounds(replace(services, repository=Away()), [duty]).make(0.001))  # type: ignore[arg-type]
        await asyncio.wait_for(made.wait(), 10)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        assert tried > 1

    act(work)
