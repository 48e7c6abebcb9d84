"""The store of the authorization server in PostgreSQL: one transaction for each script."""

from collections.abc import Sequence
from typing import Any

import psycopg

from fhir_server.storage.authorization.engine import ScriptedStore
from fhir_server.storage.authorization.scripts import Result, Script, Value
from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_refusal import told
from fhir_server.storage.engines.postgres_session import Session


class PostgresAuthorization(ScriptedStore):
    """Uses the sessions of the repository."""

    def __init__(self, pool: Pool) -> None:
        """Take sessions from ``pool``."""
        self._pool = pool

    async def _do(self, script: Script[Result]) -> Result:
        try:
            async with self._pool.session() as session:
                return await _transaction(session, script)
        except psycopg.OperationalError as error:
            raise told(error) from error

    async def _rows(self, sql: str, values: Sequence[Value]) -> Sequence[Sequence[Any]]:
        try:
            return await self._pool.rows(sql, list(map(str, values)))
        except psycopg.OperationalError as error:
            raise told(error) from error


async def _transaction(session: Session, script: Script[Result]) -> Result:
    await session.rows("BEGIN")
    result = await _carried_out(session, script)  # a session that comes back in a transaction is closed, which undoes it
    await session.rows("COMMIT")
    return result


async def _carried_out(session: Session, script: Script[Result]) -> Result:
    try:
        sql, values = next(script)
        while True:
            sql, values = script.send(await session.rows(sql, list(map(str, values))))
    except StopIteration as end:
        result: Result = end.value
        return result
