"""Many small appends, few transactions: what arrives while one batch is written goes into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_MOST = 1000
_BUSY = 3  # in one batch
_MOMENT = 0.002  # seconds


class GroupCommit(Generic[_Item]):
    """Calls ``write`` with everything that waits, one call at a time."""

    def __init__(self, write: Callable[[Sequence[_Item]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[_Item, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: _Item) -> None:
        """Return when ``item`` is written; raises what ``write`` raised for its batch."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await future

    async def close(self) -> None:
        """Return when nothing waits any more."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._one(batch)
                if len(batch) >= _BUSY:
                    # Many are writing at once: a moment's wait makes the next batch larger, and there are fewer of them.
                    await asyncio.sleep(_MOMENT)
        finally:
            self._task = None

    async def _one(self, batch: Sequence[tuple[_Item, asyncio.Future[None]]]) -> None:
        error: Exception | None = None
        try:
            await self._write([item for item, _ in batch])
        except Exception as failure:  # noqa: BLE001 - everyone who waits for this batch gets it
            error = failure
        for _, future in batch:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
