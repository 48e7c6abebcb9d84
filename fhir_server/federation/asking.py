"""What one request asks of the sources: equal questions are asked once, and what comes of one serves all who asked it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Steps, emptied

T = TypeVar("T")


@dataclass(slots=True)
class _Asked:
    """A question, and how many are ``waiting`` for what comes of it; ``left`` when they all went away before there was anything."""

    work: asyncio.Task[Any]
    waiting: int = 0
    left: bool = False


class Asking:
    """The questions of one request so far, with what came of them. It is let go of at the end of the request."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, _Asked] = {}
        self._held: list[dict[str, Merged]] = []

    async def once(self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what ``ask`` comes to for the first who asks ``question``, to everybody who asks it, then or later.

        Raises what ``ask`` raises, and TimeoutError where all who asked before gave up waiting: then it was cancelled.
        """
        one = self._asked.get(question)
        if one is None:
            one = self._asked[question] = _Asked(asyncio.create_task(ask()))
        if one.left:
            raise TimeoutError
        one.waiting += 1
        try:
            found: T = await asyncio.shield(one.work)
        finally:
            one.waiting -= 1
            if not one.waiting and not one.work.done():
                one.left = True
                one.work.cancel()
        return found

    def hold(self, merged: dict[str, Merged]) -> None:
        """Remember ``merged``, which others may ask for, until it is let go of."""
        self._held.append(merged)

    @property
    def held(self) -> int:
        """How many resources are held."""
        return sum(map(len, self._held))

    def let_go(self) -> Steps[None]:
        """Forget all that was asked; who asks again asks the sources."""
        self._asked.clear()
        held, self._held = self._held, []
        yield from emptied(*held)
