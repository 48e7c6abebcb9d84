"""Delivering: the notices of each subscription in their order, many subscriptions at a time, few of one host."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from fhir_server.storage.subscriptions.store import NEVER, Claim, Status, SubscriptionStore
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.backoff import following
from fhir_server.subscriptions.composer import Composer
from fhir_server.subscriptions.delivery import PER_HOST, Channel, Outcome
from fhir_server.subscriptions.message import Message

_log = logging.getLogger("fhir_server")
LEASE: Final = 30_000_000
"""Microseconds: longer than one attempt may take. Who is killed leaves its subscriptions to others after that."""
AT_ONCE: Final = 512
_CLAIMED: Final = 16
_NOBODY: Final = "The subscriber is not known here any more."
_TURN: Final = 50  # notices, before another subscription has its turn


@dataclass
class Postman:
    """Delivers as ``holder``. ``window`` (microseconds) is how long an endpoint may fail, ``chance`` spreads the retries."""

    store: SubscriptionStore
    access: Access
    channels: Mapping[str, Channel]
    holder: str
    window: int
    chance: Callable[[], float]
    composer: Composer
    done: Callable[[], None] = lambda: None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _hosts: Counter[str] = field(default_factory=Counter)
    _claims: Iterator[int] = field(default_factory=count)

    async def claim(self) -> int:
        """Begin with some of the subscriptions that have something to deliver; return how many."""
        if len(self._tasks) >= AT_ONCE:
            return 0
        now = self.access.clock()
        busy = [host for host, number in self._hosts.items() if number >= PER_HOST]
        claims = await self.store.claim(f"{self.holder} {next(self._claims)}", now, now + LEASE, busy, _CLAIMED)
        for each in claims:
            self._hosts[each.host] += 1
            task = asyncio.create_task(self._serve(each))
            self._tasks.add(task)
        return len(claims)

    async def close(self) -> None:
        """Stop delivering; what is under way is given back."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.forget_holder(self.holder)

    async def _serve(self, claim: Claim) -> None:
        try:
            await self._deliver(claim)
        except Exception as error:  # noqa: BLE001 - the database may be away for a moment: the lease ends, somebody tries again
            _log.warning("cannot deliver", extra={"subscription": claim.id, "error": type(error).__name__})
        finally:
            self._hosts[claim.host] -= 1
            if not self._hosts[claim.host]:
                del self._hosts[claim.host]
            task = asyncio.current_task()
            if task is not None:
                self._tasks.discard(task)
            self.done()

    async def _deliver(self, claim: Claim) -> None:
        if claim.status == "requested":
            if not await self._shake_hands(claim):
                return
            claim = claim._replace(status="active")
        elif claim.last == claim.done and not await self._beat(claim):
            return
        notices = await self.store.pending(claim.id, claim.done, _TURN)
        if not notices and claim.last > claim.done:  # they were forgotten, for their age
            await self._advance(claim, claim.last)
        for notice in notices:
            message = await self.composer.event(claim, notice)
            outcome = await self._send(claim, message) if message else Outcome()
            if outcome.error:
                await self._put_off(claim, outcome.error)
                return
            if not await self._advance(claim, notice.number):
                return
            claim = claim._replace(attempts=0, failing=0)
        await self.store.release(claim.id, claim.holder, self.access.clock())

    async def _advance(self, claim: Claim, number: int) -> bool:
        return await self.store.delivered(claim.id, claim.holder, number, self.access.clock() + LEASE)

    async def _send(self, claim: Claim, message: Message) -> Outcome:
        channel = self.channels.get(claim.channel)
        return await channel.send(claim, message) if channel else Outcome(f"There is no channel {claim.channel} here.")

    async def _shake_hands(self, claim: Claim) -> bool:
        """Tell whether the endpoint wants what it is to be sent; if not, the subscription is in error at once."""
        present = await self.composer.present(claim)
        outcome = await self._send(claim, self.composer.sign(claim, "handshake")) if present else Outcome(_NOBODY)
        now = self.access.clock()
        if outcome.error:
            await self.store.failed(claim.id, claim.holder, outcome.error, "error", now, NEVER)
            return False
        return await self.store.activated(claim.id, claim.holder, now + LEASE)

    async def _beat(self, claim: Claim) -> bool:
        """Tell whether a subscription that was silent for its heartbeat has had one; if not, it is put off."""
        if not claim.manner or not await self.composer.present(claim):
            return True
        outcome = await self._send(claim, self.composer.sign(claim, "heartbeat"))
        if outcome.error:
            await self._put_off(claim, outcome.error)
            return False
        return await self._advance(claim, claim.last)

    async def _put_off(self, claim: Claim, error: str) -> None:
        now = self.access.clock()
        failing = claim.failing or now
        due = following(claim.attempts + 1, failing, now, self.window, self.chance())
        status: Status = "active" if due is not None else "error"
        await self.store.failed(claim.id, claim.holder, error, status, now, NEVER if due is None else due)
        if due is None:
            _log.warning("subscription given up", extra={"subscription": claim.id, "attempts": claim.attempts + 1})
