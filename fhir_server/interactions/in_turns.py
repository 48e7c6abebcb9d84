"""The parts of long work, between which the event loop serves others."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_turns(parts: Iterable[T]) -> AsyncIterator[T]:
    """Give each of ``parts``; others are served before each but the first."""
    for number, each in enumerate(parts):
        if number:
            await asyncio.sleep(0)
        yield each
