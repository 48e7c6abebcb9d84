"""Whether this process can write and record: known from the line that it recorded last, else found out by a trial."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_BETWEEN: Final = 1.0  # seconds
BLOCK: Final = "INSERT INTO audit_block (chain, number, first, last, hash, lines) VALUES ('trial', 0, 0, 0, {0}, {0})"
"""A block of the record, to be taken back at once: while the record takes none, nothing is answered."""
NUMBER: Final = "INSERT INTO commits (one, number) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET number = commits.number + 1"
"""What changes as little as can be, and is to reach the disk."""


class Trial:
    """``sure`` after a line that was recorded, no longer after a write that the database refused; at first nothing is known.

    A write without a line tells nothing: the record can be the part that takes none.
    """

    def __init__(self, write: Callable[[], Awaitable[None]], refusals: tuple[type[Exception], ...]) -> None:
        """Try with ``write``, which raises one of ``refusals`` when nothing can be written."""
        self.sure = False
        self._write = write
        self._refusals = refusals
        self._failed = 0.0

    async def holds(self) -> bool:
        """Tell whether something can be written; where that is in doubt, try, once a second at most."""
        now = asyncio.get_running_loop().time()
        if self.sure or (self._failed and now < self._failed + _BETWEEN):
            return self.sure
        try:
            await self._write()
        except self._refusals:
            self._failed = now
        else:
            self.sure = True
        return self.sure
