"""Scripts on the SQLite file: written by its one writer."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence

from fhir_server.storage.engines.sqlite_refusal import told
from fhir_server.storage.engines.sqlite_writer import SqliteWriter
from fhir_server.storage.scripted import Result, Rows, Script, Scripted, Value, for_sqlite


class SqliteScripts(Scripted):
    """Writes through the writer of the repository, and reads as it does."""

    def __init__(self, writer: SqliteWriter, read: Callable[[str, Sequence[Value]], Awaitable[Rows]]) -> None:
        """Write with ``writer``; ``read`` returns the rows of a SELECT."""
        self._writer = writer
        self._read = read

    async def do(self, script: Script[Result]) -> Result:
        """Carry out a script."""
        results: list[Result] = []
        try:
            await self._writer.submit(lambda connection: results.append(on_sqlite(connection, script)))
        except sqlite3.OperationalError as error:
            raise told(error) from error
        return results[0]

    async def rows(self, sql: str, values: Sequence[Value]) -> Rows:
        """Return what a SELECT finds."""
        try:
            return await self._read(for_sqlite(sql), values)
        except sqlite3.OperationalError as error:
            raise told(error) from error


def on_sqlite(connection: sqlite3.Connection, script: Script[Result]) -> Result:
    """Carry out ``script`` in the transaction that ``connection`` is in."""
    try:
        sql, values = next(script)
        while True:
            sql, values = script.send(connection.execute(for_sqlite(sql), values).fetchall())
    except StopIteration as end:
        result: Result = end.value
        return result
