"""Work on the index of a SQLite file."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, TypeVar

from fhir_server.storage import lock
from fhir_server.storage.dialect import SQLITE
from fhir_server.storage.engines.sqlite_commit import bind
from fhir_server.storage.engines.sqlite_writer import connect
from fhir_server.storage.reindex.database import COLUMNS, IndexDatabase, Row, Transaction

_Result = TypeVar("_Result")
Submit = Callable[[Callable[[sqlite3.Connection], None]], None]
"""Lets the writer of the file do work in a transaction, and waits for it."""
_running = Lock()


class SqliteIndex(IndexDatabase):
    """Reads on a connection of its own, writes through the process's writer."""

    shared: ClassVar = False
    lock: ClassVar = ""

    def __init__(self, path: Path, submit: Submit | None = None) -> None:
        """Open ``path``; without ``submit`` it is only read until ``own`` takes it for writing."""
        self._reading = connect(path)
        self._path = path
        self._submit = submit
        self._own: tuple[int, sqlite3.Connection] | None = None

    def own(self) -> None:
        """Become the one process that writes to the file. Raises DatabaseInUse."""
        held = lock.acquire(self._path)
        writing = connect(self._path)
        writing.execute("PRAGMA journal_mode = WAL")
        self._own = held, writing
        self._submit = partial(_carry_out, writing)

    def among(self) -> str:
        """Return the comparison with a list."""
        return SQLITE.among("?")

    @contextmanager
    def snapshot(self) -> Iterator["SqliteIndex"]:
        """See one moment."""
        self._reading.execute("BEGIN")
        try:
            yield self
        finally:
            self._reading.execute("COMMIT")

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows."""
        yield from self._reading.execute(sql, bind(values))

    def write(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do ``work``."""
        assert self._submit is not None
        found: list[_Result] = []
        self._submit(lambda connection: found.append(work(_Statements(connection))))
        return found[0]

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Say whether nobody else in this process is at it; no other process can be."""
        got = _running.acquire(blocking=False)
        try:
            yield got
        finally:
            if got:
                _running.release()

    def pack(self, added: int, begun: Callable[[], None]) -> None:
        """Leave it: tables that are their own index cannot be written anew while others read."""

    def close(self) -> None:
        """Close, and give the file back."""
        self._reading.close()
        if self._own is not None:
            held, writing = self._own
            writing.close()
            os.close(held)


def _carry_out(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class _Statements:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, bind(values)).fetchall()

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        return iter(self.rows(sql, values))

    def insert(self, table: str, rows: Sequence[Row]) -> int:
        columns = COLUMNS[table]
        marks = ", ".join("?" * len(columns))
        return self._many(f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def delete(self, table: str, rows: Sequence[Row]) -> int:
        return self._many(f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in COLUMNS[table])}", rows)

    def _many(self, sql: str, rows: Sequence[Row]) -> int:
        return self._connection.executemany(sql, rows).rowcount if rows else 0
