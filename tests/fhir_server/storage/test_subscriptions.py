"""The store of subscriptions on both engines: numbers without gaps, leases, what a worker that lost its lease can still do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import psycopg
from engines import PostgresServer

from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Unavailable
from fhir_server.storage.scripted import Script
from fhir_server.storage.subscriptions.scripts import subscribe
from fhir_server.storage.subscriptions.store import EVERYBODY, NEVER, Claim, Concerned, Event, Subscribing, SubscriptionStore

NOW = 1_800_000_000_000_000
LEASE = 1_000
ENDED = (  # of this database alone: others are attended on the same server
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def subscribing(id_: str, host: str = "h") -> Subscribing:
    return Subscribing(id_, "active", "{}", (EVERYBODY,), "Task", "Task?id", "rest-hook", f"https://{host}/{id_}", host)


@asynccontextmanager
async def store_with(url: str, *made: Subscribing) -> AsyncIterator[SubscriptionStore]:
    repository = await open_repository(url, b"s" * 32)
    store = repository.subscriptions()
    try:
        for each in made:
            await store._scripts.do(subscribe(each, NOW))  # type: ignore[attr-defined]
        yield store
    finally:
        await repository.close()


def events(*numbers: int) -> list[Event]:
    return [Event(number, "Task", f"t{number}", 1, NOW) for number in numbers]


async def match(store: SubscriptionStore, ids: Sequence[str], *numbers: int, holder: str = "m") -> bool:
    await store._scripts.do(_events(numbers))  # type: ignore[attr-defined]
    taken = await store.take_events(holder, NOW, NOW + LEASE, 100)
    return await store.put_notices(holder, NOW, [(each, ids) for each in taken])


def _events(numbers: Sequence[int]) -> Script[None]:
    for each in events(*numbers):
        yield (
            "INSERT INTO event (number, type, id, version, updated) VALUES ($1, $2, $3, 1, $4)",
            (each.number, "Task", each.id, NOW),
        )


def test_events_become_numbers_of_each_subscription(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a"), subscribing("b")) as store:
            assert await match(store, ["a", "b"], 7, 8)
            assert await match(store, ["a"], 9)
            assert [(each.number, each.id) for each in await store.pending("a", 0, 9)] == [(1, "t7"), (2, "t8"), (3, "t9")]
            assert [(each.number, each.id) for each in await store.pending("b", 0, 9)] == [(1, "t7"), (2, "t8")]
            assert not await store.take_events("m", NOW, NOW + LEASE, 9)
            standing = await store.standing()
            assert (standing.events, standing.pending, standing.dead, standing.active) == (0, 5, 0, 2)
            assert standing.oldest_pending == NOW

    asyncio.run(act())


def test_one_matches_at_a_time_and_who_was_too_slow_writes_nothing(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a")) as store:
            await store._scripts.do(_events([1]))  # type: ignore[attr-defined]
            first = await store.take_events("one", NOW, NOW + LEASE, 9)
            assert [each.number for each in first] == [1]
            assert not await store.take_events("two", NOW + LEASE - 1, NOW + 2 * LEASE, 9)
            second = await store.take_events("two", NOW + LEASE, NOW + 2 * LEASE, 9)
            assert second == first
            assert not await store.put_notices("one", NOW + LEASE, [(first[0], ["a"])])
            assert await store.put_notices("two", NOW + LEASE, [(first[0], ["a"])])
            assert [each.number for each in await store.pending("a", 0, 9)] == [1]

    asyncio.run(act())


async def claimed(store: SubscriptionStore, holder: str, at: int = NOW, busy: Sequence[str] = ()) -> list[Claim]:
    return sorted(await store.claim(holder, at, at + LEASE, busy, 100))


def test_a_lease_is_one_holders_until_it_is_over(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a"), subscribing("b", "busy")) as store:
            await match(store, ["a", "b"], 1, 2)
            assert [each.id for each in await claimed(store, "one", busy=["busy"])] == ["a"]
            assert [each.id for each in await claimed(store, "two")] == ["b"]
            assert await claimed(store, "three") == []
            assert [each.id for each in await claimed(store, "three", NOW + LEASE)] == ["a", "b"]
            assert not await store.delivered("a", "one", 1, NOW + LEASE)
            assert await store.delivered("a", "three", 1, NOW + 2 * LEASE)
            assert [each.number for each in await store.pending("a", 0, 9)] == [2]
            await store.release("a", "three", NOW)
            assert [(each.id, each.done, each.last) for each in await claimed(store, "four")] == [("a", 1, 2)]
            assert await store.delivered("a", "four", 2, NOW + LEASE)
            await store.release("a", "four", NOW)
            assert await claimed(store, "five") == []
            assert await match(store, ["a"], 3)
            assert [each.last for each in await claimed(store, "five")] == [3]

    asyncio.run(act())


def test_a_holder_has_a_name_for_each_claim_and_gives_all_up_at_once(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a"), subscribing("b"), subscribing("c")) as store:
            await match(store, ["a", "b", "c"], 1)
            for at, holder in enumerate(("one 0", "one 17", "one")):
                (found,) = await store.claim(holder, NOW, NOW + LEASE, (), 1)
                assert (found.id, found.holder) == ("abc"[at], holder)
            assert not await store.delivered("a", "one 17", 1, NOW + LEASE)
            for other in ("on", "one 1", "one 0 ", "two"):
                await store.forget_holder(other)
            assert await claimed(store, "two") == []
            await store.forget_holder("one")
            assert [each.id for each in await claimed(store, "two")] == ["a", "b", "c"]

    asyncio.run(act())


def test_who_is_not_there_any_more_has_no_leases(postgres_server: PostgresServer) -> None:
    url = postgres_server.create("attendance", "template_hub")

    async def act() -> None:
        async with store_with(url, subscribing("a"), subscribing("b")) as here:
            await match(here, ["a", "b"], 1)
            await here.attend("here")
            async with store_with(url) as there:
                await there.attend("there")
                await there.attend("beside")
                assert len(await there.claim("there", NOW, NOW + LEASE, (), 1)) == 1
                assert len(await there.claim("beside", NOW, NOW + LEASE, (), 1)) == 1
                for each in (here, there):
                    await each.attend("here" if each is here else "there")
                assert await claimed(here, "here") == []
            found: list[Claim] = []
            for _ in range(500):  # the database ends a connection a moment after its client did
                await here.attend("here")
                found += await claimed(here, "here")
                if len(found) > 1:
                    break
                await asyncio.sleep(0.01)
            assert [each.id for each in sorted(found)] == ["a", "b"]
            assert await here._scripts.rows("SELECT holder FROM lease WHERE name <> 'matching'", ()) == [("here",)]  # type: ignore[attr-defined]
            await here.forget_holder("here")
            assert await here._scripts.rows("SELECT holder FROM lease WHERE name <> 'matching'", ()) == []  # type: ignore[attr-defined]

    asyncio.run(act())


def test_who_lost_the_connection_comes_again(postgres_server: PostgresServer) -> None:
    url = postgres_server.create("attendance_lost", "template_hub")

    async def act() -> None:
        async with store_with(url) as here, store_with(url) as there:
            await here.attend("here")
            with psycopg.connect(url, autocommit=True) as session:
                found = session.execute(ENDED).fetchall()
            assert found == [(True,)]
            with suppress(Unavailable):
                await here.attend("here")
            await here.attend("here")
            await there.attend("there")
            rows = await here._scripts.rows("SELECT holder FROM lease ORDER BY holder", ())  # type: ignore[attr-defined]
            assert rows == [("here",), ("there",)]
            await there.forget_holder("here")  # seen to be away a moment ago
            await here.attend("here")
            assert await here._scripts.rows("SELECT holder FROM lease ORDER BY holder", ()) == rows  # type: ignore[attr-defined]

    asyncio.run(act())


def test_a_failure_puts_off_and_new_events_do_not_bring_it_forward(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a")) as store:
            await match(store, ["a"], 1)
            (claim,) = await claimed(store, "one")
            await store.failed("a", "one", "away", "active", NOW, NOW + 50)
            assert await match(store, ["a"], 2)
            assert await claimed(store, "one", NOW + 49) == []
            (claim,) = await claimed(store, "one", NOW + 50)
            assert (claim.attempts, claim.failing, claim.done, claim.last) == (1, NOW, 0, 2)
            await store.failed("a", "one", "away", "error", NOW + 50, NEVER)
            assert await match(store, ["a"], 3)
            assert [each.number for each in await store.dead()] == [1, 2, 3]
            assert await claimed(store, "one", NEVER - 1) == []
            assert await store.redrive((), NOW) == ["a"]
            (claim,) = await claimed(store, "one")
            assert (claim.attempts, claim.done, claim.last) == (0, 0, 3)
            assert await store.redrive((), NOW) == []

    asyncio.run(act())


def test_what_is_off_gets_nothing_and_its_worker_stops(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a")) as store:
            await match(store, ["a"], 1, 2)
            await claimed(store, "one")
            await store._scripts.do(subscribe(Subscribing("a", "off", type="Task", host="h"), NOW))  # type: ignore[attr-defined]
            assert not await store.delivered("a", "one", 1, NOW + LEASE)
            assert await match(store, ["a"], 3)
            assert not await store.pending("a", 0, 9)
            assert await store.candidates([Concerned("Task", [], 0)], NOW) == [[]]
            await store._scripts.do(subscribe(subscribing("a"), NOW))  # type: ignore[attr-defined]
            assert await claimed(store, "one") == []
            assert await match(store, ["a"], 4)
            assert [each.id for each in await store.pending("a", 0, 9)] == ["t4"]
            await store._scripts.do(subscribe(Subscribing("a", ""), NOW))  # type: ignore[attr-defined]
            assert await store.find("a") is None

    asyncio.run(act())


def test_candidates_are_found_for_each_resource_by_itself(database_url: str) -> None:
    async def act() -> None:
        own = [replace(subscribing(each), audience=(f"Practitioner/{each}",)) for each in ("a", "b")]
        other = replace(own[0], id="c", type="Communication")
        over = replace(own[0], id="d", ends=NOW)
        async with store_with(database_url, subscribing("all"), *own, other, over) as store:
            asked = [
                Concerned("Task", ["Task/1", "Practitioner/a"], 0),
                Concerned("Communication", ["Communication/1", "Practitioner/a", "Practitioner/b"], 0),
                Concerned("Task", ["Task/2", "Practitioner/b", "Practitioner/a"], 0),
                Concerned("Task", ["Task/3"], 0),
            ]
            found = await store.candidates(asked, NOW)
            assert [[each.id for each in some] for some in found] == [["a", "all"], ["c"], ["a", "all", "b"], ["all"]]

    asyncio.run(act())


def test_what_a_resource_has_to_tell_is_told_once_and_again_after_a_change(database_url: str) -> None:
    async def act() -> None:
        async with store_with(database_url, subscribing("a")) as store:
            (untold,) = await store.untold(9)
            await match(store, ["a"], 1)
            await claimed(store, "one")
            await store.failed("a", "one", "away", "active", NOW, NOW)
            await store.told("a", untold.turn)
            (untold,) = await store.untold(9)
            assert (untold.status, untold.error) == ("active", "away")
            await store.told("a", untold.turn)
            assert not await store.untold(9)

    asyncio.run(act())
