"""Reads by key on PostgreSQL: those that are asked for at once are sent at once, on one connection.

Sending, waiting and receiving cost more than such a statement does, and each time other processes take the CPU and its caches.
Searches are not sent together: the short ones would wait for the long ones.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_session import Parameter, Row, Statement

_MOST: Final = 32
_LONG: Final = 0.002  # seconds
_Waiting = tuple[Statement, "asyncio.Future[list[Row]]"]


class Together:
    """Carries out what came while the statements before were under way, up to 32 at once.

    Should these take long, because the database has to fetch what they look at, who came meanwhile does not wait for them.
    """

    def __init__(self, pool: Pool) -> None:
        """Use the connections of ``pool``."""
        self._pool = pool
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._tasks = set[asyncio.Task[None]]()
        self._timer: asyncio.TimerHandle | None = None

    async def rows(self, sql: str, parameters: Sequence[Parameter]) -> list[Row]:
        """Return the rows of a SELECT that takes but a moment. Raises what the pool does."""
        if not self._under_way:  # as mostly, where few ask
            return await self._at_once(sql, parameters)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Row]] = loop.create_future()
        if self._timer is None:
            self._timer = loop.call_later(_LONG, self._begin)
        self._waiting.append(((sql, parameters), future))
        return await future

    async def _at_once(self, sql: str, parameters: Sequence[Parameter]) -> list[Row]:
        self._under_way += 1
        try:
            return await self._pool.rows(sql, parameters)
        finally:
            self._ended()

    def _begin(self) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), _MOST):
            task = asyncio.create_task(self._carry_out(waiting[start : start + _MOST]))
            self._under_way += 1
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None] | None = None) -> None:
        if task is not None:
            self._tasks.discard(task)
        self._under_way -= 1
        self._begin()

    async def _carry_out(self, waiting: Sequence[_Waiting]) -> None:
        if len(waiting) == 1:
            await self._alone(*waiting[0])
            return
        try:
            async with self._pool.session() as session:
                found = await session.together([statement for statement, _ in waiting])
        except Exception:  # noqa: BLE001 - of one of them, and nobody else's: the next try tells whose
            await asyncio.gather(*(self._alone(*each) for each in waiting))
            return
        for (_, future), rows in zip(waiting, found, strict=True):
            if not future.done():
                future.set_result(rows)

    async def _alone(self, statement: Statement, future: "asyncio.Future[list[Row]]") -> None:
        try:
            rows = await self._pool.rows(*statement)
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            if not future.done():
                future.set_exception(error)
            return
        if not future.done():
            future.set_result(rows)
