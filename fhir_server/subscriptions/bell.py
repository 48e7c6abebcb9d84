"""Wakes whoever works for the subscriptions of this process when something was committed that makes events."""

import asyncio
from collections.abc import Iterable

from fhir_server.catalog.announced import announced
from fhir_server.storage.repository import Change

_TYPES = frozenset(announced().all)


class Bell:
    """Rung after a commit; other processes look for themselves, once a second."""

    def __init__(self) -> None:
        """Wait for the first ring."""
        self._rung = asyncio.Event()

    def follow(self, changes: Iterable[Change]) -> None:
        """Ring if one of ``changes`` made an event, or says something about a subscription."""
        if any(each.type in _TYPES or each.subscription is not None for each in changes):
            self._rung.set()

    def ring(self) -> None:
        """Ring."""
        self._rung.set()

    async def wait(self, longest: float) -> None:
        """Return when it has rung since the last time, or after ``longest`` seconds."""
        try:
            async with asyncio.timeout(longest):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
