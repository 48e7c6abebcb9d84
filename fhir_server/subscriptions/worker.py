"""Who works for the subscriptions while the server runs: matches events, delivers notices, tells what became of subscriptions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fhir_server.storage.subscriptions.store import Standing, SubscriptionStore
from fhir_server.subscriptions.bell import Bell
from fhir_server.subscriptions.matching import BATCH, Matcher
from fhir_server.subscriptions.postman import Postman
from fhir_server.subscriptions.switchboard import Switchboard

_log = logging.getLogger("fhir_server")
Tell = Callable[[str], Awaitable[None]]
"""Writes status and error of a subscription, by its id, to its resource."""
LOOK: Final = 0.5
"""Seconds: what other processes commit is found after that at the latest."""
_TIDY: Final = 30.0
_UNTOLD: Final = 100


@dataclass
class Worker:
    """``retention`` (microseconds) is how long notices are kept that were not delivered, or are to be asked for again."""

    store: SubscriptionStore
    matcher: Matcher
    postman: Postman
    tell: Tell
    bell: Bell
    retention: int
    switchboard: Switchboard
    standing: Standing = field(default_factory=lambda: Standing(0, 0, 0, 0, 0, 0, 0))

    def __post_init__(self) -> None:
        self.postman.done = self._posts.ring

    _posts: Bell = field(default_factory=Bell)

    async def work(self) -> None:
        """Work for ever."""
        await asyncio.gather(
            self._repeat(self._match, self.bell),
            self._repeat(self._post, self._posts),
            self._repeat(self._attend, Bell()),
            self._keep(),
        )

    async def close(self) -> None:
        """Stop delivering."""
        await self.switchboard.close()
        await self.postman.close()
        for channel in self.postman.channels.values():
            await channel.close()

    def gauges(self) -> Mapping[str, tuple[str, float]]:
        """Return what operators watch, as it was half a minute ago at most."""
        now, found = self.postman.access.clock(), self.standing
        return {
            "subscription_events_waiting": ("Events that are not matched yet", found.events),
            "subscription_matching_lag_seconds": ("Age of the oldest of them", _age(found.oldest_event, now)),
            "subscription_notifications_pending": ("Notifications that are not delivered yet", found.pending),
            "subscription_delivery_lag_seconds": ("Age of the oldest of them", _age(found.oldest_pending, now)),
            "subscription_notifications_dead": ("Notifications that could not be delivered", found.dead),
            "subscriptions_active": ("Subscriptions that are active", found.active),
            "subscriptions_error": ("Subscriptions that are in error", found.error),
        }

    async def _match(self) -> None:
        while await self.matcher.once(self.postman.holder) == BATCH:
            self._posts.ring()
        self._posts.ring()
        for each in await self.store.untold(_UNTOLD):
            await self.tell(each.id)
            await self.store.told(each.id, each.turn)

    async def _post(self) -> None:
        while await self.postman.claim():
            pass

    async def _attend(self) -> None:
        await self.store.attend(self.postman.holder)

    async def _keep(self) -> None:
        while True:
            try:
                now = self.postman.access.clock()
                await self.store.tidy(now, now - self.retention)
                self.standing = await self.store.standing()
            except Exception as error:  # noqa: BLE001 - the database may be away for a moment: there is another time
                _log.warning("cannot tidy subscriptions", extra={"error": type(error).__name__})
            await asyncio.sleep(_TIDY)

    async def _repeat(self, act: Callable[[], Awaitable[None]], bell: Bell) -> None:
        while True:
            try:
                await act()
            except Exception as error:  # noqa: BLE001 - the same
                _log.warning("cannot work for subscriptions", extra={"error": type(error).__name__})
            await bell.wait(LOOK)


def _age(moment: int, now: int) -> float:
    return max(now - moment, 0) / 1_000_000 if moment else 0.0
