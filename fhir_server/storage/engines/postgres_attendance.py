"""Who works for the subscriptions on PostgreSQL: each holds a lock on a connection of its own, which is gone with the process."""

import asyncio
from collections.abc import Sequence
from typing import Final

import psycopg

from fhir_server.search.rows import key
from fhir_server.storage.engines.postgres_refusal import told
from fhir_server.storage.engines.postgres_session import Session
from fhir_server.storage.subscriptions.statements import AT_WORK

_LOCK: Final = "SELECT pg_advisory_lock($1::bigint)"
_COMES: Final = "INSERT INTO lease (name, holder, until) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING"
_THERE: Final = "SELECT holder FROM lease WHERE name >= $1 AND name < $2"
_FREE: Final = "SELECT pg_try_advisory_xact_lock($1::bigint)"  # given back at once


class PostgresAttendance:
    """The holders of this process, and a look at those of others."""

    def __init__(self, url: str) -> None:
        """Connect when somebody comes."""
        self._url = url
        self._here: set[str] = set()
        self._session: Session | None = None
        self._turn = asyncio.Lock()

    async def absent(self, holder: str) -> Sequence[str]:
        """Be there as ``holder``; return those who were there and are not any more. Raises what the repository does."""
        try:
            async with self._turn:
                session = await self._present(holder)
                there = {other for (other,) in await session.rows(_THERE, (AT_WORK, AT_WORK + "~"))}
                for each in self._here - there:  # others saw no lock while the connection was gone, and took the name away after
                    await session.rows(_COMES, (AT_WORK + each, each))
                return [other for other in sorted(there - self._here) if (await session.rows(_FREE, (_lock(other),)))[0][0]]
        except psycopg.OperationalError as error:
            await self.close()
            raise told(error) from error

    async def close(self) -> None:
        """Leave, all together."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _present(self, holder: str) -> Session:
        """Return the session that holds the lock of ``holder``, and those of others in this process."""
        known, self._here = self._here, self._here | {holder}
        if self._session is None:
            known, self._session = set(), await Session.open(self._url)
        for each in self._here - known:
            await self._session.rows(_LOCK, (_lock(each),))
        return self._session


def _lock(holder: str) -> str:
    return str(key(AT_WORK + holder))
