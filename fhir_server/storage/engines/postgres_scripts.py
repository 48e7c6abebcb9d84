"""Scripts in PostgreSQL: one transaction for each."""

from collections.abc import Sequence

import psycopg

from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_refusal import told
from fhir_server.storage.engines.postgres_session import Session
from fhir_server.storage.scripted import Result, Rows, Script, Scripted, Value, for_postgres


class PostgresScripts(Scripted):
    """Uses the sessions of the repository."""

    def __init__(self, pool: Pool) -> None:
        """Take sessions from ``pool``."""
        self._pool = pool

    async def do(self, script: Script[Result]) -> Result:
        """Carry out a script."""
        try:
            async with self._pool.session() as session:
                return await _transaction(session, script)
        except psycopg.OperationalError as error:
            raise told(error) from error

    async def rows(self, sql: str, values: Sequence[Value]) -> Rows:
        """Return what a SELECT finds."""
        try:
            return await self._pool.rows(for_postgres(sql), list(map(str, values)))
        except psycopg.OperationalError as error:
            raise told(error) from error


async def on_postgres(session: Session, script: Script[Result]) -> Result:
    """Carry out ``script`` in the transaction that ``session`` is in."""
    try:
        sql, values = next(script)
        while True:
            sql, values = script.send(await session.rows(for_postgres(sql), list(map(str, values))))
    except StopIteration as end:
        result: Result = end.value
        return result


async def _transaction(session: Session, script: Script[Result]) -> Result:
    await session.rows("BEGIN")
    result = await on_postgres(session, script)  # a session that comes back in a transaction is closed, which undoes it
    await session.rows("COMMIT")
    return result
