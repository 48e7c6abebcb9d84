"""Which proofs have been used already: each one counts once (RFC 9449 section 11.1)."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from fhir_server.errors import TooCostly

MOST = 200_000


class Replays(Protocol):
    """Remembers the proofs of the last minutes."""

    async def first(self, key: bytes, issued: int, until: int, now: int) -> bool:
        """Remember the proof ``key`` until ``until``; tell whether this is its first use.

        ``issued`` is when it says it was made. All are microseconds. Raises TooCostly when no more can be remembered.
        """
        ...


class MemoryReplays:
    """Remembers in this process, for a server that has only one.

    A proof from before ``started`` may have been used with the process before this one, so it is none. Proofs are kept for about
    the same time, so that they are forgotten in the order in which they came.
    """

    def __init__(self, started: int, most: int = MOST) -> None:
        """Begin at ``started`` (microseconds) without any; remember at most ``most``."""
        self._started = started // 1_000_000 * 1_000_000  # proofs are dated in whole seconds
        self._most = most
        self._used: set[bytes] = set()
        self._order: deque[tuple[int, bytes]] = deque()

    async def first(self, key: bytes, issued: int, until: int, now: int) -> bool:
        """Remember the proof; see ``Replays``."""
        while self._order and self._order[0][0] <= now:
            self._used.discard(self._order.popleft()[1])
        if key in self._used or issued < self._started:
            return False
        if len(self._used) >= self._most:
            raise TooCostly("Too many proofs of possession came within a minute. Send the request again a little later.")
        self._used.add(key)
        self._order.append((until, key))  # forgotten after the one in front of it: perhaps too late, never too early
        return True


class StoredReplays:
    """Remembers in the database, for a server of several processes: ``first_use`` is that of ``AuthorizationStore``."""

    def __init__(self, first_use: Callable[[str, int, int], Awaitable[bool]]) -> None:
        """Remember by ``first_use``."""
        self._first_use = first_use

    async def first(self, key: bytes, issued: int, until: int, now: int) -> bool:  # noqa: ARG002 - the shape of Replays
        """Remember the proof; see ``Replays``."""
        return await self._first_use(f"dpop:{key.hex()}", until, now)
