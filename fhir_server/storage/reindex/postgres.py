"""Work on the index of a PostgreSQL database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure

from fhir_server.storage import consent_rows
from fhir_server.storage.dialect import POSTGRES
from fhir_server.storage.reindex.database import COLUMNS, IndexDatabase, Row, Transaction

_Result = TypeVar("_Result")
_ADVISORY = 0x66686973  # one reindex at a time per database
_ATTEMPTS = 5
_AT_ONCE = 5_000  # rows fetched
_MUCH = 10_000  # resources of which the indexes are worth it
_MORE = "SELECT 1 FROM resource LIMIT 1 OFFSET %s"


class PostgresIndex(IndexDatabase):
    """Two connections, to read and to write; others write meanwhile, each resource behind its own lock."""

    shared: ClassVar = True
    lock: ClassVar = "FOR UPDATE"

    def __init__(self, url: str) -> None:
        """Connect when it is used; what is used then raises psycopg.OperationalError."""
        self._url = url
        self._open: list[psycopg.Connection[Row]] = []

    @cached_property
    def _reading(self) -> psycopg.Connection[Row]:
        return self._connect()

    @cached_property
    def _writing(self) -> psycopg.Connection[Row]:
        return self._connect()

    def _connect(self) -> psycopg.Connection[Row]:
        connection = psycopg.connect(self._url, autocommit=True, application_name="fhir-server reindex")
        self._open.append(connection)
        return connection

    def among(self) -> str:
        """Return the comparison with a list."""
        return POSTGRES.among("?")

    @contextmanager
    def snapshot(self) -> Iterator["PostgresIndex"]:
        """See one moment."""
        self._reading.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield self
        finally:
            self._reading.execute("ROLLBACK")

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows."""
        with self._reading.cursor(name="rows") as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(*_bound(sql, values), binary=True)
            yield from cursor

    def write(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do ``work``; in a deadlock it begins again."""
        for _ in range(_ATTEMPTS):
            try:
                with self._writing.transaction():
                    return work(_Statements(self._writing))
            except (DeadlockDetected, SerializationFailure):
                continue
        with self._writing.transaction():
            return work(_Statements(self._writing))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Say whether nobody else is at it, in whatever process."""
        found = self._writing.execute("SELECT pg_try_advisory_lock(%s)", (_ADVISORY,)).fetchone()
        got = found is not None and bool(found[0])
        try:
            yield got
        finally:
            if got and not self._writing.closed:
                self._writing.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY,))

    def pack(self, added: int, begun: Callable[[], None]) -> None:
        """Rebuild the indexes, and count what there is: what came in any order left their pages two thirds full."""
        with self.alone() as got:
            if not got or added < _MUCH or self._writing.execute(_MORE, (2 * added,)).fetchone():
                return
            begun()
            for table in ("resource", *COLUMNS):
                self._writing.execute(f"REINDEX TABLE CONCURRENTLY {table}".encode())
                self._writing.execute(f"VACUUM (ANALYZE) {table}".encode())

    def close(self) -> None:
        """Close."""
        for connection in self._open:
            connection.close()


class _Statements:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        cursor = self._connection.execute(*_bound(sql, values), binary=True)
        return cursor.fetchall() if cursor.description else []

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        return iter(self.rows(sql, values))

    def insert(self, table: str, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        columns = COLUMNS[table]
        arrays = ", ".join("%s::text[]" if name in _TEXTS else "%s::bigint[]" for name in columns)
        sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
        return self._connection.execute(sql.encode(), [list(column) for column in zip(*rows, strict=True)]).rowcount

    def delete(self, table: str, rows: Sequence[Row]) -> int:
        sql = f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = %s' for name in COLUMNS[table])}"
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.encode(), rows)
            return cursor.rowcount if rows else 0


_TEXTS = frozenset({"start", "rest"}) | consent_rows.TEXTS


def _bound(sql: str, values: Sequence[Any]) -> tuple[bytes, list[Any]]:
    return sql.replace("?", "%s").encode(), [list(value) if isinstance(value, tuple) else value for value in values]
