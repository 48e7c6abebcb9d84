"""How blocks of the journal become rows of audit_event, and when: soon after something was recorded, or for a reader."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fhir_server.storage.journal.line import items
from fhir_server.storage.repository import AuditRow

_log = logging.getLogger(__name__)
_SOON = 0.25  # seconds
_AGAIN = 5.0  # seconds, after a failure
BLOCKS: Final = 64  # of one transaction: nobody else writes to a SQLite file meanwhile
COLUMNS: Final = ("chain", "seq", *AuditRow._fields)
"""The columns of audit_event that follow from the journal."""

Event = tuple[Any, ...]
"""A row of audit_event: COLUMNS."""


def events(chain: str, first: int, lines: bytes) -> list[Event]:
    """Return the rows that a block stands for. Raises Unreadable."""
    return [(chain, seq, *row) for seq, row in enumerate(items(lines), first)]


class Projector:
    """Calls ``some``, which projects some blocks and tells whether there are more."""

    def __init__(self, some: Callable[[], Awaitable[bool]]) -> None:
        """Begin with what an earlier process left; belongs to the running event loop."""
        self._some = some
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.soon()

    def soon(self) -> None:
        """See to it that what is recorded now is projected before long."""
        if self._timer is None:
            self._begin_after(_SOON)

    async def now(self) -> None:
        """Return when everything that was recorded before is projected."""
        while await self._some():
            pass

    async def close(self) -> None:
        """Project what there is, for the last time; what fails is left to the next process."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        if await self._try():  # by now everything is durable that was being recorded
            await self._try()

    def _begin_after(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self._timer = None  # what is recorded from here on begins the next one
        if not await self._try() and not self._closed and self._timer is None:
            self._begin_after(_AGAIN)
        self._task = None

    async def _try(self) -> bool:
        try:
            await self.now()
        except Exception as error:  # noqa: BLE001 - the lines are safe in the journal, and somebody else may want the next ones
            _log.warning("cannot project the record", extra={"error": type(error).__name__})
            return False
        return True
