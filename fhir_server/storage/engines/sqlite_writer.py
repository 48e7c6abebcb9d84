"""The one writer of a SQLite file: a thread that carries out everything that waits in one transaction (group commit).

Used from one event loop.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

from fhir_server.storage import lock
from fhir_server.storage.engines.sqlite_journal import append
from fhir_server.storage.journal.chain import Chain

Work = Callable[[sqlite3.Connection], Sequence[bytes] | None]
"""What is done in a transaction; it returns the lines of the record that belong to it."""
_Waiting = tuple[Work | bytes, "asyncio.Future[None]"]
_Done = tuple["asyncio.Future[None]", BaseException | None]
_BATCH = 64
_BUSY = 3  # in one transaction
_MOMENT = 0.002  # seconds
_LONGEST_LOG = 64_000_000  # bytes
_BETWEEN = 1.0  # seconds
_TRIES, _BETWEEN_TRIES = 20, 0.1
_WAIT, _PATIENCE = 200, 5_000  # milliseconds: for the readers of the log, and for whoever else holds a lock
_CHECKPOINT = 1_000  # pages of the write-ahead log, 4 MB: what is read should mostly lie in the file itself, which is mapped


class SqliteWriter:
    """Owns the file: holds its lock, its write connection and the thread that uses it."""

    def __init__(self, path: Path) -> None:
        """Lock ``path``, open it for writing and start the thread. Raises DatabaseInUse."""
        self._lock = lock.acquire(path)
        try:
            self._connection = connect(path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        except BaseException:
            os.close(self._lock)
            raise
        self._chain = Chain()
        self._log = path.with_name(path.name + "-wal")
        self._shortened = 0.0
        self._emptying = False
        self._waiting: deque[_Waiting] = deque()
        self._begin: SimpleQueue[bool] = SimpleQueue()
        self._at_work = False
        self._closed = False
        self.changes = 0
        """How many transactions changed more than the record."""
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def submit(self, work: Work | bytes) -> None:
        """Do ``work`` in the next transaction; return when that is durable, or raise what it raised.

        Work has a savepoint of its own, so that it can fail alone; a line of the record is only appended to the journal.
        """
        if self._closed:
            raise RuntimeError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._at_work:
            # The thread begins when this turn of the loop is over: waking it each time costs more than the writing.
            self._at_work = True
            loop.call_soon(self._begin.put, True)
        self._waiting.append((work, future))
        await future

    async def empty_log(self) -> bool:
        """Put the log back into the file and make it empty; False when somebody reads from it all the time."""
        self._emptying = True
        for _ in range(_TRIES):
            await self.submit(lambda _: None)  # after its transaction the log is put back,
            await self.submit(lambda _: None)  # and this one comes after that
            if not self._emptying:
                return True
            await asyncio.sleep(_BETWEEN_TRIES)
        self._emptying = False
        return False

    def close(self) -> None:
        """Write what waits, end the thread, close the connection and give the lock back."""
        if self._closed:
            return
        self._closed = True
        self._begin.put(False)
        self._thread.join()
        self._connection.close()
        os.close(self._lock)

    def _run(self) -> None:
        while self._begin.get():
            self._transaction()
        while self._waiting:
            self._transaction()

    def _transaction(self) -> None:
        """Carry out what waits, and tell the loop."""
        batch: list[_Waiting] = []
        with contextlib.suppress(IndexError):
            while len(batch) < _BATCH:
                batch.append(self._waiting.popleft())
        if batch:
            self._report(batch, self._carry_out([work for work, _ in batch]))
            self._shorten_log()

    def _report(self, batch: Sequence[_Waiting], results: Sequence[BaseException | None]) -> None:
        done = [(future, result) for (_, future), result in zip(batch, results, strict=True)]
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            done[0][0].get_loop().call_soon_threadsafe(self._go_on, done)

    def _go_on(self, done: Sequence[_Done]) -> None:
        """Tell who waits for what is ``done``, and see to the next transaction."""
        _resolve(done)
        if len(done) >= _BUSY:
            # Many are writing at once: a moment's wait makes the next transaction larger, and there are fewer of them.
            done[0][0].get_loop().call_later(_MOMENT, self._next)
        else:
            self._next()

    def _next(self) -> None:
        if self._waiting:
            self._begin.put(True)
        else:
            self._at_work = False

    def _shorten_log(self) -> None:
        """Put a long log back into the file and begin it anew; what reads the old one is waited for, which is a moment.

        What SQLite does by itself never waits: while somebody always reads, the log would only grow.
        """
        long = time.monotonic() >= self._shortened + _BETWEEN and _size(self._log) > _LONGEST_LOG
        if not (self._emptying or long):
            return
        self._connection.execute(f"PRAGMA busy_timeout = {_WAIT}")
        with contextlib.suppress(sqlite3.Error):  # a long search is in the way: there is another time
            ((busy, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._emptying = self._emptying and bool(busy)
        self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
        self._shortened = time.monotonic()

    def _carry_out(self, works: Sequence[Work | bytes]) -> list[BaseException | None]:
        lines = [work for work in works if isinstance(work, bytes)]
        try:
            if len(lines) < len(works) or not self._chain.begun:
                return self._in_transaction(works, lines)
            block = self._chain.block(lines)
            append(self._connection, block)  # one statement is a transaction by itself
        except Exception as error:  # noqa: BLE001 - the disk is full, say: nobody's work is done, and everyone is told
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._chain = Chain()  # the end of the old one may have reached the disk all the same: nothing is to follow it
            return [error] * len(works)
        self._chain.advance(block)
        return [None] * len(works)

    def _in_transaction(self, works: Sequence[Work | bytes], lines: list[bytes]) -> list[BaseException | None]:
        self._connection.execute("BEGIN IMMEDIATE")
        only_lines = len(lines) == len(works)
        results = [None if isinstance(work, bytes) else _in_savepoint(self._connection, work, lines) for work in works]
        block = self._chain.block(lines) if lines else None
        if block is not None:
            append(self._connection, block)
        self._connection.execute("COMMIT")
        if block is not None:
            self._chain.advance(block)
        self.changes += not only_lines
        return results


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # nothing was written yet
        return 0


def connect(path: Path) -> sqlite3.Connection:
    """Open ``path`` in autocommit mode, usable from any thread (one at a time)."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
    for pragma in (
        f"busy_timeout = {_PATIENCE}",
        "foreign_keys = ON",
        "cache_size = -65536",
        "mmap_size = 268435456",
        "temp_store = MEMORY",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _in_savepoint(connection: sqlite3.Connection, work: Work, lines: list[bytes]) -> BaseException | None:
    """Do ``work``, and add its lines of the record to ``lines``; return what it raised."""
    connection.execute("SAVEPOINT one")
    try:
        told = work(connection) or ()
    except Exception as error:  # whoever waits for this work gets it; the others of the batch are unharmed
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return error
    connection.execute("RELEASE one")
    lines += told
    return None


def _resolve(done: Sequence[_Done]) -> None:
    for future, error in done:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
