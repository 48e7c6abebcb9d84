"""What only a file can do: be locked, be cut off while it is written, be full."""

import asyncio
import os
import signal
import sqlite3
import textwrap
from contextlib import closing, nullcontext
from itertools import count
from pathlib import Path
from typing import TextIO

import pytest
from flows import copies
from invented import LINE, Thing, created, grant, put

from fhir_server.search.tree import Query, Text
from fhir_server.storage import migrate
from fhir_server.storage.engines import sqlite_writer
from fhir_server.storage.engines.sqlite import SqliteRepository
from fhir_server.storage.lock import DatabaseInUse
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import SearchTooSlow, StorageFull

TESTS = Path(__file__).resolve().parents[2]
_numbers = count()

WRITER = """
    import asyncio, sys
    from itertools import count
    from invented import LINE, Thing, created, grant
    from fhir_server.storage.open import open_repository

    async def write(repository, lane):
        for number in count():
            name = f"{sys.argv[2]}-{lane}-{number}"
            await repository.commit([grant()], [created(Thing(name, tokens=(("status", name, ""),)))], [LINE])
            print(name, flush=True)

    async def main():
        repository = await open_repository(sys.argv[1])
        await asyncio.gather(*(write(repository, lane) for lane in range(8)))

    asyncio.run(main())
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/hub.db"
    migrate.upgrade(url)
    return url


def child(folder: Path, script: str, *arguments: str) -> tuple[copies.Copy, TextIO]:
    """Run ``script`` in a process of its own; return that and what it prints."""
    printed = folder / f"printed-{next(_numbers)}"
    os.mkfifo(printed)
    prelude = f"import sys; sys.path[:0] = {[str(TESTS)]!r}\n"
    process = copies.start(arguments, os.environ, printed, folder / "errors", program=prelude + textwrap.dedent(script))
    return process, printed.open()


def test_every_acknowledged_write_outlives_kill_9(url: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for run in range(5):
        process, printed = child(tmp_path, WRITER, url, str(run))
        with printed:
            acknowledged += [printed.readline().strip() for _ in range(25 + 10 * run)]
            process.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in printed.read().splitlines(keepends=True) if line.endswith("\n")]
        assert process.wait(20) == -signal.SIGKILL
    assert len(acknowledged) >= 225

    async def check() -> None:
        repository = await open_repository(url)
        found = await repository.fetch([grant()], [f"Task/{name}" for name in acknowledged])
        assert [one.id for one in found] == acknowledged
        stored = await repository.count(grant(), Query("Task"))
        await repository.close()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("SELECT count(*) FROM resource").fetchone() == (stored,)
            assert connection.execute("SELECT count(*) FROM audit_event").fetchone() == (stored,)
            assert connection.execute("SELECT count(*) FROM idx").fetchone() == (2 * stored,)

    asyncio.run(check())


def test_a_second_process_is_refused_and_told_why(url: str, tmp_path: Path) -> None:
    other = """
        import asyncio, sys
        from fhir_server.storage.lock import DatabaseInUse
        from fhir_server.storage.open import open_repository
        try:
            asyncio.run(open_repository(sys.argv[1]))
        except DatabaseInUse as refused:
            print(refused)
    """

    async def hold() -> str:
        repository = await open_repository(url)
        try:
            process, printed = child(tmp_path, other, url)
            with printed:
                said = printed.read()
            assert process.wait(20) == 0
            return said
        finally:
            await repository.close()

    said = asyncio.run(hold())
    assert "in use by another process" in said
    assert "PostgreSQL" in said


def test_closing_gives_the_file_back(url: str) -> None:
    async def twice() -> None:
        first = await open_repository(url)
        with pytest.raises(DatabaseInUse):
            await open_repository(url)
        with pytest.raises(DatabaseInUse):
            migrate.upgrade(url)
        await first.close()
        second = await open_repository(url)
        await put(second, Thing("one"))
        await second.close()

    asyncio.run(twice())


def test_writes_are_durable_and_logged_ahead(url: str) -> None:
    async def pragmas() -> list[object]:
        repository = SqliteRepository(Path(url.removeprefix("sqlite:///")))
        connection = repository._writer._connection
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
        await repository.close()
        return values

    assert asyncio.run(pragmas()) == ["wal", 2, 1, 5000]


def test_a_full_disk_fails_the_write_and_nothing_else(url: str) -> None:
    async def fill() -> None:
        repository = SqliteRepository(Path(url.removeprefix("sqlite:///")))
        connection = repository._writer._connection
        await put(repository, Thing("before"))
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        big = Thing("big", body=os.urandom(1_000_000))
        with pytest.raises(StorageFull, match="full"):
            await repository.commit([grant()], [created(big)], [LINE])
        connection.execute("PRAGMA max_page_count = 1000000")
        await put(repository, Thing("after"))
        assert await repository.read(grant(), "Task", "big") is None
        assert await repository.count(grant(), Query("Task")) == 2
        await repository.close()

    asyncio.run(fill())


def test_a_search_that_takes_too_long_moves_to_a_thread_and_is_stopped_there(url: str) -> None:
    async def search() -> None:
        repository = SqliteRepository(Path(url.removeprefix("sqlite:///")))
        await put(repository, *(Thing(f"t{number}", texts=(("name", "x" * 60, "x"),)) for number in range(3000)))
        slow = Query("Task", Text("name", "y", "contains"))
        repository._fast._seconds = -1.0
        assert await repository.count(grant(), slow) == 0
        repository._slow._seconds = -1.0
        with pytest.raises(SearchTooSlow, match="narrow it"):
            await repository.count(grant(), slow)
        assert issubclass(SearchTooSlow, TimeoutError)
        await repository.close()

    asyncio.run(search())


def test_a_text_that_was_stopped_is_prepared_once_more_and_no_more_than_that(url: str) -> None:
    async def read() -> list[int]:
        repository = SqliteRepository(Path(url.removeprefix("sqlite:///")))
        snapshots, prepared = repository._fast, count()
        done: list[int] = []

        def seen(action: int, *_: object) -> int:
            if action == sqlite3.SQLITE_SELECT:
                next(prepared)
            return sqlite3.SQLITE_OK

        snapshots._connection.set_authorizer(seen)
        sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n"
        for seconds in (9.0, -1.0, 9.0, 9.0, 9.0):
            snapshots._seconds, before = seconds, next(prepared)
            with nullcontext() if seconds > 0 else pytest.raises(SearchTooSlow):
                snapshots.rows(sql, ())
            done.append(next(prepared) - before - 1)
        await repository.close()
        return done

    first, stopped, again, *after = asyncio.run(read())
    assert first
    assert again
    assert (stopped, after) == (0, [0, 0])


def test_beginning_a_snapshot_is_never_taken_for_a_long_search(url: str) -> None:
    async def read() -> None:
        repository = SqliteRepository(Path(url.removeprefix("sqlite:///")))
        snapshots = repository._fast
        for _ in range(3_000):
            repository._writer.changes += 1
            snapshots._until = 0.0  # the last search was long ago
            assert snapshots.rows("SELECT 1", ()) == [(1,)]
        await repository.close()

    asyncio.run(read())


def test_who_has_read_does_not_hold_up_the_log_of_the_database(url: str) -> None:
    async def body() -> tuple[int, int, int]:
        path = Path(url.removeprefix("sqlite:///"))
        repository = SqliteRepository(path)
        await put(repository, Thing("one"))
        assert await repository.read(grant(), "Task", "one") is not None
        await put(repository, Thing("two"))
        await asyncio.sleep(0.2)
        with closing(sqlite3.connect(path)) as other:
            done: tuple[int, int, int] = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        await repository.close()
        return done

    assert asyncio.run(body()) == (0, 0, 0), "not busy, and nothing is left in the log"


def test_a_long_log_is_begun_anew_while_others_read(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_writer, "_LONGEST_LOG", 200_000)
    monkeypatch.setattr(sqlite_writer, "_BETWEEN", 0.0)

    async def body() -> int:
        path = Path(url.removeprefix("sqlite:///"))
        repository = SqliteRepository(path)
        for number in range(300):
            await put(repository, Thing(f"t{number}"))
            assert await repository.read(grant(), "Task", f"t{number}") is not None
        size = path.with_name(f"{path.name}-wal").stat().st_size
        await repository.close()
        return size

    assert asyncio.run(body()) < 1_000_000
