"""What only a server can do: drop connections, be slow, be shared."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from engines import PostgresServer
from invented import LINE, Thing, created, grant, put, updated

from fhir_server.search.tree import Nothing, Query, Token
from fhir_server.storage.engines.postgres import PostgresRepository
from fhir_server.storage.engines.postgres_session import Row, Session
from fhir_server.storage.engines.postgres_session import Statement as StatementSent
from fhir_server.storage.integrity import Dangling
from fhir_server.storage.repository import SearchTooSlow, VersionConflict
from fhir_server.storage.writer import Statement


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    yield postgres_server.create("only_postgres", "template_hub")
    postgres_server.drop("only_postgres")


def on_repository(url: str, body: Callable[[PostgresRepository], Awaitable[None]]) -> None:
    async def opened() -> None:
        repository = await PostgresRepository.open(url)
        await body(repository)
        await repository.close()

    asyncio.run(opened())


def terminate_others(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lost_connection_is_replaced(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        await put(repository, Thing("one"))
        for _ in range(3):
            terminate_others(url)
            assert await repository.read(grant(), "Task", "one") is not None
        terminate_others(url)
        await asyncio.sleep(0.05)
        await put(repository, Thing("two"))
        assert await repository.count(grant(), Query("Task")) == 2

    on_repository(url, body)


def test_a_statement_that_is_cut_off_fails_and_harms_nothing(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        async with repository._pool.session() as session:
            sleeping = asyncio.create_task(session.rows("SELECT pg_sleep(20)"))
            also = asyncio.create_task(repository._pool.rows("SELECT 1 FROM pg_sleep(0.2)"))
            await asyncio.sleep(0.05)
            terminate_others(url)
            with pytest.raises(psycopg.OperationalError):
                await sleeping
            assert await also == [(1,)]
        assert await repository.ready()

    on_repository(url, body)


def test_a_cancelled_search_leaves_the_pool_usable(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        tasks = [asyncio.create_task(repository._pool.rows("SELECT pg_sleep(5)")) for _ in range(12)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.gather(*(repository.ready() for _ in range(20))) == [True] * 20
        assert repository._pool._open <= 8

    on_repository(url, body)


def test_a_search_that_takes_too_long_is_stopped(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        await repository._pool.rows("SET statement_timeout = 50")
        with pytest.raises(SearchTooSlow, match="narrow it"):
            await repository._rows(Statement("SELECT pg_sleep(20)", lambda _values: ()), [])
        assert await repository.ready()

    on_repository(url, body)


def test_every_session_has_a_limit_of_time(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        assert await repository._pool.rows("SHOW statement_timeout") == [("10s",)]

    on_repository(url, body)


def test_bodies_larger_than_a_socket_takes(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        things = [Thing(f"t{number}", body=os.urandom(3_000_000)) for number in range(4)]
        await asyncio.gather(*(put(repository, thing) for thing in things))
        for thing in things:
            stored = await repository.read(grant(), "Task", thing.id)
            assert stored is not None
            assert stored.body == thing.body

    on_repository(url, body)


def test_old_prepared_statements_make_room(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        async with repository._pool.session() as session:
            for number in range(520):
                assert await session.rows(f"SELECT {number}") == [(number,)]
            assert await session.rows("SELECT 0") == [(0,)]
            assert await session.rows("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 's%'") == [(500,)]

    on_repository(url, body)


def test_an_error_of_a_statement_leaves_the_session_usable(url: str) -> None:
    async def body() -> None:
        session = await Session.open(url)
        for _ in range(2):
            with pytest.raises(psycopg.errors.DivisionByZero):
                await session.rows("SELECT 1 / $1::int", ("0",))
            with pytest.raises(psycopg.errors.SyntaxError):
                await session.rows("SELEC")
        assert session.usable
        assert await session.rows("SELECT $1::text, $2::bytea", ("\u00e9", b"\0\xff")) == [("\u00e9", b"\0\xff")]
        await session.close()

    asyncio.run(body())


def test_statements_that_are_sent_together(url: str) -> None:
    async def body() -> None:
        session = await Session.open(url)
        large = os.urandom(3_000_000)
        await session.rows("BEGIN")
        twice = "SELECT 2 * $1::int FROM generate_series(1, $1::int)"
        found = await session.together([(twice, ("2",)), ("SELECT $1::bytea", (large,)), (twice, ("0",)), (twice, ("1",))])
        assert found == [[(4,), (4,)], [(large,)], [], [(2,)]]
        await session.rows("CREATE TEMPORARY TABLE t (n int)")
        insert = "INSERT INTO t SELECT 6 / $1::int RETURNING n"
        with pytest.raises(psycopg.errors.DivisionByZero):
            await session.together([(insert, ("1",)), (insert, ("0",)), (insert, ("2",))])
        assert session.in_error
        await session.rows("ROLLBACK")
        assert session.usable
        assert await session.rows("SELECT 1") == [(1,)]
        await session.close()

    asyncio.run(body())


def test_a_connection_that_is_lost_among_statements_sent_together(url: str) -> None:
    async def body() -> None:
        session = await Session.open(url)
        await session.rows("BEGIN")
        ended = "SELECT pg_terminate_backend(pg_backend_pid())"
        with pytest.raises(psycopg.OperationalError):
            await session.together([("SELECT 1", ()), (ended, ()), ("SELECT 2", ())])
        assert not session.usable
        await session.close()

    asyncio.run(body())


def test_reads_that_come_at_once_are_sent_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    together = Session.together

    async def seen(self: Session, statements: Sequence[StatementSent]) -> list[list[Row]]:
        sent.append(len(statements))
        return await together(self, statements)

    monkeypatch.setattr(Session, "together", seen)

    async def body(repository: PostgresRepository) -> None:
        things = [Thing(f"t{number}", body=b"%d" % number) for number in range(40)]
        await put(repository, *things)
        sent.clear()
        open_, closed = grant(), grant(where=Nothing())
        found = await asyncio.gather(*(repository.read(open_, "Task", each.id) for each in things))
        assert [each.body for each in found if each] == [each.body for each in things]
        assert sent == [32, 7], "the first went alone"
        hidden, unknown, seen = await asyncio.gather(
            repository.read(closed, "Task", "t1"), repository.read(open_, "Task", "t99"), repository.read(open_, "Task", "t2")
        )
        assert hidden is not None
        assert (hidden.visible, hidden.body, unknown) == (False, b"", None)
        assert seen is not None
        assert seen.body == b"2"

    on_repository(url, body)


def test_what_goes_wrong_with_one_of_the_reads_is_told_to_nobody_else(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        half = "SELECT 6 / $1::int"
        asked = [asyncio.create_task(repository._together.rows(half, (each,))) for each in ("1", "0", "2", "3")]
        await asyncio.sleep(0)
        asked[2].cancel()
        one, failed, gone, three = await asyncio.gather(*asked, return_exceptions=True)
        assert (one, three) == ([(6,)], [(2,)])
        assert isinstance(failed, psycopg.errors.DivisionByZero)
        assert isinstance(gone, asyncio.CancelledError)
        await put(repository, Thing("one"))
        terminate_others(url)
        assert None not in await asyncio.gather(*(repository.read(grant(), "Task", "one") for _ in range(5)))

    on_repository(url, body)


class Lost:
    """A session that finds out when it is used that its connection is gone."""

    usable = True

    async def rows(self, _sql: str, _parameters: Sequence[object]) -> list[tuple[object, ...]]:
        self.usable = False
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def test_connections_that_are_lost_together_are_replaced(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        pool = repository._pool
        lost: list[Any] = [Lost(), Lost(), Lost()]
        pool._free += lost
        pool._open += len(lost)
        assert await pool.rows("SELECT 2") == [(2,)]

    on_repository(url, body)


def test_a_read_does_not_wait_for_slow_ones_that_came_before(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
            await other.execute("SELECT pg_advisory_lock(7)")
            slow = asyncio.create_task(repository._together.rows("SELECT 1 FROM pg_advisory_xact_lock($1::bigint)", ("7",)))
            await asyncio.sleep(0.01)
            assert await repository._together.rows("SELECT 2", ()) == [(2,)]
            assert not slow.done()
        assert await slow == [(1,)]

    on_repository(url, body)


def test_two_processes_share_a_database(url: str) -> None:
    async def body(first: PostgresRepository) -> None:
        second = await PostgresRepository.open(url)
        both = [first, second] * 10
        results = await asyncio.gather(
            *(one.commit([grant()], [created(Thing("one"))], [LINE]) for one in both), return_exceptions=True
        )
        assert sorted(map(repr, map(type, results))) == sorted([repr(type(None))] + [repr(VersionConflict)] * 19)
        await put(second, Thing("two", tokens=(("status", "open", ""),)))
        assert await first.count(grant(), Query("Task", Token("status", "open"))) == 1
        await second.close()

    on_repository(url, body)


def test_commits_that_lock_the_same_in_other_order_do_not_fail_for_ever(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        names = [f"t{number}" for number in range(6)]

        async def attempt(order: list[str]) -> bool:
            try:
                await put(repository, *(Thing(name) for name in order))
            except VersionConflict:
                return False
            return True

        won = await asyncio.gather(*(attempt(names[shift:] + names[:shift]) for shift in range(6)))
        assert won.count(True) == 1

    on_repository(url, body)


def test_who_refers_waits_for_who_deletes(url: str) -> None:
    async def body(repository: PostgresRepository) -> None:
        await put(repository, Thing("target"), Thing("r"))
        changes = [created(Thing("new")), updated(Thing("r"), Thing("r"))]
        alone = [[replace(change, requires=("Task/target",))] for change in changes]
        async with await psycopg.AsyncConnection.connect(url) as other:
            await other.execute("SELECT 1 FROM resource WHERE id = 'target' FOR UPDATE")
            await other.execute("UPDATE resource SET deleted = true WHERE id = 'target'")
            writing = [asyncio.create_task(repository.commit([grant()], each, [LINE])) for each in alone]
            while await waiting(other) < len(writing):
                assert not any(task.done() for task in writing), "the lock on the target was not waited for"
                await asyncio.sleep(0.01)
        assert [type(each) for each in await asyncio.gather(*writing, return_exceptions=True)] == [Dangling] * 2

    on_repository(url, body)


async def waiting(connection: psycopg.AsyncConnection) -> int:
    found = await connection.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    return int((await found.fetchone() or (0,))[0])
