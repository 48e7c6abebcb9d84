"""The channel websocket: whoever holds the socket of a subscription delivers its notices, in their order, one at a time.

A subscription has one line; a newer one takes over, in whatever process. What is not delivered waits for the next one.
One look at the store, twice a second, is for all lines of the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from fhir_server.storage.subscriptions.store import Claim, SubscriptionStore
from fhir_server.subscriptions.composer import Composer
from fhir_server.subscriptions.manner import kept
from fhir_server.subscriptions.message import Message

Say = Callable[[str], Awaitable[None]]
"""Sends a text; returns when it is on its way."""
MOST: Final = 500
"""Lines of one process."""
LOOK: Final = 0.5
_AGAIN: Final = 5.0  # seconds, after which is asked again whether the subscriber is there
_LEASE: Final = 3_600_000_000
_TURN: Final = 50
_SECOND: Final = 1_000_000
_log = logging.getLogger("fhir_server")


@dataclass
class _Line:
    id: str
    holder: str
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    last: int = 0
    over: bool = False


@dataclass
class Switchboard:
    """``new_id`` names the lines; who does not take a message within ``seconds`` is too slow."""

    store: SubscriptionStore
    composer: Composer
    new_id: Callable[[], str]
    seconds: float
    _lines: dict[str, _Line] = field(default_factory=dict)
    _watching: asyncio.Task[None] | None = None

    async def serve(self, id_: str, say: Say) -> None:
        """Send what is due over one socket, and return when the subscription is over, taken over, or nobody's any more.

        Raises TimeoutError for a slow reader, and what ``say`` raises.
        """
        if len(self._lines) >= MOST:
            return
        line = _Line(id_, self.new_id())
        claim = await self.store.take(id_, line.holder, self._now() + _LEASE)
        if claim is None or not await self.composer.present(claim):
            return
        self._lines[line.holder] = line
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            await self._speak(line, claim, say)
        finally:
            del self._lines[line.holder]
            await self.store.release(id_, line.holder, self._now())

    async def close(self) -> None:
        """Let every line end."""
        for line in self._lines.values():
            line.over = True
            line.heard.set()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _speak(self, line: _Line, claim: Claim, say: Say) -> None:
        await self._send(say, self.composer.sign(claim, "handshake"))
        manner, spoken = kept(claim.manner), self._now()
        while not line.over and await self.composer.present(claim):
            line.heard.clear()
            notices = await self.store.pending(claim.id, claim.done, _TURN)
            for notice in notices:
                message = await self.composer.event(claim, notice)
                if message is not None:
                    await self._send(say, message)
                if not await self.store.delivered(claim.id, line.holder, notice.number, self._now() + _LEASE):
                    return
                claim, spoken = claim._replace(done=notice.number, last=max(claim.last, notice.number)), self._now()
            if manner and manner.heartbeat and self._now() >= spoken + manner.heartbeat * _SECOND:
                await self._send(say, self.composer.sign(claim, "heartbeat"))
                spoken = self._now()
            if len(notices) < _TURN and line.last <= claim.done:
                await _heard(line)

    async def _send(self, say: Say, message: Message) -> None:
        async with asyncio.timeout(self.seconds):
            await say(message.body.decode())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the database may be away for a moment: look the next time
                _log.warning("cannot look for notifications", extra={"error": type(error).__name__})

    async def _look(self) -> None:
        if not self._lines:
            return
        found = {each.id: each for each in await self.store.bound(tuple({each.id for each in self._lines.values()}))}
        for line in self._lines.values():
            now = found.get(line.id)
            over = now is None or now.status != "active" or now.holder != line.holder
            if over or (now is not None and now.last > line.last):
                line.over, line.last = over, now.last if now else 0
                line.heard.set()

    def _now(self) -> int:
        return self.composer.access.clock()


async def _heard(line: _Line) -> None:
    try:
        async with asyncio.timeout(_AGAIN):
            await line.heard.wait()
    except TimeoutError:
        return
