"""The store of the authorization server in PostgreSQL: one transaction for each script."""

from collections.abc import Sequence
from typing import Any

import psycopg

from fhir_server.storage.authorization.engine import ScriptedStore
from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_refusal import told
from fhir_server.storage.engines.postgres_script import transaction
from fhir_server.storage.script import Result, Script, Value, for_postgres


class PostgresAuthorization(ScriptedStore):
    """Uses the sessions of the repository."""

    def __init__(self, pool: Pool) -> None:
        """Take sessions from ``pool``."""
        self._pool = pool

    async def _do(self, script: Script[Result]) -> Result:
        try:
            async with self._pool.session() as session:
                return await transaction(session, script)
        except psycopg.OperationalError as error:
            raise told(error) from error

    async def _rows(self, sql: str, values: Sequence[Value]) -> Sequence[Sequence[Any]]:
        try:
            return await self._pool.rows(for_postgres(sql), list(map(str, values)))
        except psycopg.OperationalError as error:
            raise told(error) from error
