"""Long work beside that of others: in short slices, between which the event loop serves whoever waits."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from time import perf_counter
from typing import Any, Final, TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that stops after each small unit, and comes to a ``T`` in the end."""
_SORTED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is worked at a time: ``slice_`` seconds of ``clock``, and the unit that was begun."""

    clock: Callable[[], float] = perf_counter
    slice_: float = 0.001

    async def through(self, work: Steps[T]) -> T:
        """Carry out ``work`` and return what it comes to; others are served after each slice. What is cancelled stops there."""
        began = self.clock()
        while True:
            try:
                next(work)
            except StopIteration as done:
                result: T = done.value
                break
            if self.clock() - began >= self.slice_:
                await asyncio.sleep(0)
                began = self.clock()
        if self.clock() - began >= self.slice_ / 2:  # what comes next is a slice of its own
            await asyncio.sleep(0)
        return result


def as_list(work: Iterable[T]) -> Steps[list[T]]:
    """Return the list of what lazy ``work`` gives, a unit each."""
    found = []
    for one in work:
        found.append(one)
        yield
    return found


def emptied(*held: list[Any] | dict[Any, Any]) -> Steps[None]:
    """Let go of what is ``held`` one by one: freed all at once, thousands of resources keep everybody waiting once more."""
    for one in held:
        let_go = one.popitem if isinstance(one, dict) else one.pop
        while one:
            let_go()
            yield


def in_order(found: Sequence[T], key: Callable[[T], Any]) -> Steps[list[T]]:
    """Return ``found`` sorted by ``key``, in units that are short however long it is."""
    starts = range(0, len(found), _SORTED_AT_ONCE)
    parts = yield from as_list(sorted(found[start : start + _SORTED_AT_ONCE], key=key) for start in starts)
    return (yield from as_list(merge(*parts, key=key)))
