"""The store of the authorization server in the SQLite file: written by its one writer."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from fhir_server.storage.authorization.engine import ScriptedStore
from fhir_server.storage.engines.sqlite_refusal import told
from fhir_server.storage.engines.sqlite_writer import SqliteWriter
from fhir_server.storage.script import Result, Script, Value, for_sqlite, on_sqlite


class SqliteAuthorization(ScriptedStore):
    """Writes through the writer of the repository, and reads as it does."""

    def __init__(self, writer: SqliteWriter, read: Callable[[str, Sequence[Value]], Sequence[Sequence[Any]]]) -> None:
        """Write with ``writer``; ``read`` returns the rows of a SELECT."""
        self._writer = writer
        self._read = read

    async def _do(self, script: Script[Result]) -> Result:
        results: list[Result] = []
        try:
            await self._writer.submit(lambda connection: results.append(on_sqlite(connection, script)))
        except sqlite3.OperationalError as error:
            raise told(error) from error
        return results[0]

    async def _rows(self, sql: str, values: Sequence[Value]) -> Sequence[Sequence[Any]]:
        try:
            return self._read(for_sqlite(sql), values)
        except sqlite3.OperationalError as error:
            raise told(error) from error
