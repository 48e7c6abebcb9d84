"""What the hub does by itself as time goes by: in rounds, each of which one process makes for all.

A duty finds what is due in the store and does that. It is done again in the next round when it failed or was stopped, and may be
done by two processes at once when the database was away for a moment: what it does must not count twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from fhir_server.interactions import attachment_sweep, escalating, network_rounds
from fhir_server.interactions.services import Services

Duty = Callable[[Services, int], Awaitable[None]]
"""Does what is due at the moment given (microseconds)."""

DUTIES: Final[tuple[Duty, ...]] = (
    escalating.overdue,
    attachment_sweep.expired,
    network_rounds.expired,
    network_rounds.Periods(),
)
"""What is done in each round, in this order."""

_MOST: Final = 30.0  # seconds that one duty may take in one round
_NAME: Final = "rounds"
_log = logging.getLogger("fhir_server.rounds")


class Rounds:
    """Makes rounds over ``duties``; each may take ``most`` seconds, and what one cannot do keeps no other from being done."""

    def __init__(self, services: Services, duties: Sequence[Duty] = DUTIES, most: float = _MOST) -> None:
        self._services = services
        self._duties = duties
        self._most = most

    async def make(self, interval: float) -> None:
        """Make a round every ``interval`` seconds, for ever."""
        while True:
            await asyncio.sleep(interval)
            await self.once()

    async def once(self) -> bool:
        """Make a round, unless another process is at it; tell whether it was made. What fails is logged, without any data."""
        try:
            async with self._services.repository.alone(_NAME) as alone:
                if alone:
                    for duty in self._duties:
                        await self._do(duty)
                return alone
        except Exception as error:  # noqa: BLE001 - the database may be away for a moment
            _log.warning("cannot make a round", extra={"error": type(error).__name__})
            return False

    async def _do(self, duty: Duty) -> None:
        try:
            async with asyncio.timeout(self._most):
                await duty(self._services, self._services.clock())
        except Exception as error:  # noqa: BLE001 - the others are to be done all the same
            told = {"duty": getattr(duty, "__qualname__", type(duty).__qualname__), "error": type(error).__name__}
            _log.warning("a duty failed", extra=told)
