"""What is asked of several types at once: which of them are open to the caller, and one page out of a page of each."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from fhir_server.storage.repository import Grant, Page, Stored

Fetch = Callable[[Stored | None, int], Awaitable[Page]]
"""Gives what follows a resource (None: from the beginning), at most so many."""
Place = Callable[[Stored], tuple[int, ...]]
_AT_LEAST: Final = 8


def open_types(call: Call, interaction: str) -> tuple[Grant, ...]:
    """Return a grant for ``interaction`` on each stored type for which the caller has one; raises Forbidden without any."""
    types = [entry.name for entry in call.services.catalog.types.values() if entry.is_stored]
    grants = call.services.gate.permitted(call.actor, interaction, types)
    if not grants:
        raise Forbidden(f"No resource type is open to you for {interaction}: the token's scopes and the role leave none.")
    return grants


@dataclass(slots=True)
class _Stream:
    """What one type has, read bit by bit as it is used up."""

    fetch: Fetch
    size: int
    left: deque[Stored] = field(default_factory=deque)
    last: Stored | None = None
    more: bool = True

    async def head(self) -> Stored | None:
        """Return what comes next, None when nothing does."""
        if not self.left and self.more:
            page = await self.fetch(self.last, self.size)
            self.left.extend(page.resources)
            self.more = page.more
            self.last = self.left[-1] if self.left else None
        return self.left[0] if self.left else None


async def merged(fetches: Sequence[Fetch], count: int, place: Place, *, descending: bool = True) -> Page:
    """Return the first ``count`` of what ``fetches`` give, each of which gives one type in the order of ``place``.

    Of each type little more is read than is needed: the bodies of a page, and not as many of every type.
    """
    size = min(count, max(_AT_LEAST, 2 * count // max(len(fetches), 1)))
    streams = [_Stream(fetch, count if len(fetches) == 1 else size) for fetch in fetches]
    heads: list[tuple[tuple[int, ...], int]] = []
    found: list[Stored] = []

    async def push(number: int) -> None:
        head = await streams[number].head()
        if head is not None:
            heappush(heads, (tuple(-each for each in place(head)) if descending else place(head), number))

    for number in range(len(streams)):
        await push(number)
    while heads and len(found) < count:
        _, number = heappop(heads)
        found.append(streams[number].left.popleft())
        if len(found) < count:
            await push(number)
    return Page(found, more=any(stream.left or stream.more for stream in streams))
