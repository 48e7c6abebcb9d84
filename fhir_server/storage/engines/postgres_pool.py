"""A few sessions with PostgreSQL, lent one at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg

from fhir_server.storage.engines.postgres_session import Parameter, Row, Session


class Pool:
    """At most ``size`` sessions, opened when needed; a broken one is closed and replaced."""

    def __init__(self, url: str, size: int) -> None:
        """Open nothing yet."""
        self.url = url
        self._size = size
        self._open = 0
        self._free: list[Session] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def rows(self, sql: str, parameters: Sequence[Parameter] = ()) -> list[Row]:
        """Carry out one statement; a read once more when the connection had been lost meanwhile. Raises psycopg.Error."""
        session = await self._take()
        try:
            return await session.rows(sql, parameters)
        except psycopg.OperationalError:
            if session.usable or not sql.startswith("SELECT"):
                raise
        finally:
            await self._give(session)
        await self._drop_free()
        async with self.session() as another:
            return await another.rows(sql, parameters)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a session; it is not lent again when it comes back broken or in a transaction."""
        session = await self._take()
        try:
            yield session
        finally:
            await self._give(session)

    async def close(self) -> None:
        """Lend nothing more and close what is free; what is lent is closed when it comes back."""
        self._closed = True
        while self._free:
            await self._free.pop().close()

    async def _take(self) -> Session:
        while not self._closed:
            if self._free:
                session = self._free.pop()
                if session.usable:
                    return session
                await self._drop(session)
            elif self._open < self._size:
                return await self._connect()
            else:
                turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn
        raise RuntimeError("the database is closed")

    async def _connect(self) -> Session:
        self._open += 1
        try:
            return await Session.open(self.url)
        except BaseException:
            self._open -= 1
            self._wake()
            raise

    async def _give(self, session: Session) -> None:
        if session.usable and not self._closed:
            self._free.append(session)
            self._wake()
        else:
            await self._drop(session)

    async def _drop_free(self) -> None:
        """Close what waits to be lent: what ended one connection has mostly ended them all, and not all know it yet."""
        while self._free:
            await self._drop(self._free.pop())

    async def _drop(self, session: Session) -> None:
        self._open -= 1
        self._wake()
        await session.close()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
