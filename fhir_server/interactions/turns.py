"""Who writes to the same thing at the same moment takes turns: within one process nobody is overtaken.

Between processes the versions decide, and who was overtaken starts again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """A lock for each name that somebody holds or waits for."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Wait for one's turn with all of ``names``; they are taken in one order, so that nobody waits in a circle."""
        async with AsyncExitStack() as held:
            for name in sorted(set(names)):
                await held.enter_async_context(self._lock(name))
            yield

    def _lock(self, name: str) -> asyncio.Lock:
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
