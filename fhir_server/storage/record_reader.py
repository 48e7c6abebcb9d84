"""The record for commands: read only, one statement at a time, also while a server has the database open."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg

from fhir_server.search.lines import LinePlace, Lines
from fhir_server.storage import migrate, record_lines
from fhir_server.storage.dialect import POSTGRES, SQLITE, Dialect
from fhir_server.storage.repository import Grant, Logged
from fhir_server.storage.shape import Value
from fhir_server.storage.url import sqlite_path
from fhir_server.storage.writer import Statement

_AT_ONCE = 1_000


class Touch(NamedTuple):
    """A dossier ("Patient/id") that was touched: in so many lines, the first and the last of them (microseconds)."""

    dossier: str
    lines: int
    first: int
    last: int


class RecordReader:
    """Reads with ``execute``, which returns the rows of SQL with its parameters."""

    def __init__(self, dialect: Dialect, execute: Callable[[str, Sequence[Value]], Sequence[Any]]) -> None:
        """Read in ``dialect``."""
        self._dialect, self._execute = dialect, execute

    def lines(self, grant: Grant, asked: Lines) -> Iterator[Logged]:
        """Yield all lines from ``asked.after`` on, whatever it counts."""
        after = asked.after
        while True:
            page = Lines(asked.where, _AT_ONCE, asked.descending, after)
            found = list(map(record_lines.logged, self._rows(*record_lines.lines(self._dialect, grant, page))))
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = LinePlace(found[-1].line.recorded, found[-1].row)

    def figures(self, since: int, until: int) -> list[tuple[str, str, str, str, str, int, int]]:
        """Return what ``Repository.figures`` does."""
        return [tuple(row) for row in self._rows(*record_lines.figures(self._dialect, since, until))]

    def touched(self, by: Mapping[str, str], since: int, until: int) -> list[Touch]:
        """Return the dossiers that were touched from ``since`` to ``until`` by whom ``by`` says (columns: actor, client, ...)."""
        found: dict[str, Touch] = {}
        for dossiers, lines, first, last in self._rows(*record_lines.touched(self._dialect, by, since, until)):
            for each in dossiers.split():
                known = found.get(each, Touch(each, 0, first, last))
                found[each] = Touch(each, known.lines + lines, min(known.first, first), max(known.last, last))
        return sorted(found.values())

    def _rows(self, statement: Statement, values: Sequence[Value]) -> Sequence[Any]:
        return self._execute(statement.sql, statement.pick(values))


@contextmanager
def open_record(url: str) -> Iterator[RecordReader]:
    """Open the record in the database at ``url``; nothing can be written. Raises DatabaseOlder and DatabaseNewer."""
    migrate.require_current(url)
    if (path := sqlite_path(url)) is not None:
        with _sqlite(path) as reader:
            yield reader
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        with psycopg.RawCursor(connection) as cursor:
            yield RecordReader(POSTGRES, lambda sql, values: cursor.execute(sql.encode(), values).fetchall())


@contextmanager
def _sqlite(path: Path) -> Iterator[RecordReader]:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        yield RecordReader(SQLITE, lambda sql, values: connection.execute(sql, tuple(values)).fetchall())
    finally:
        connection.close()
