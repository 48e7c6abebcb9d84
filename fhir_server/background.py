"""What the hub does besides answering, for as long as it serves."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from fhir_server.audit import clock
from fhir_server.audit.keeper import Keeper
from fhir_server.interactions import rate_refusals
from fhir_server.interactions.access_notices import AccessNotices
from fhir_server.interactions.attachment_sweep import strays
from fhir_server.interactions.reindexing import LOOK
from fhir_server.interactions.retention import Unused
from fhir_server.interactions.rounds import DUTIES, Rounds
from fhir_server.interactions.services import Services
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.leavers import Leavers
from fhir_server.settings import Settings

_log = logging.getLogger("fhir_server")
_KEEP_UP: Final = 1.0  # seconds
_PRUNE, _STRAYS = 600.0, 3_600.0


def background(
    settings: Settings, services: Services, granting: Authority, keeping: Keeper, watch: clock.ClockWatch
) -> Sequence[Coroutine[Any, Any, None]]:
    """Return everything that is done again and again; nothing of it ever ends."""
    unused = Unused(settings.dossier_retention_days, settings.dossier_grace_days)
    return (
        _repeat(LOOK, services.parameters.look, "look for search parameters"),
        _repeat(_KEEP_UP, partial(_keep_up, granting), "look for revocations"),
        _repeat(_PRUNE, partial(_prune, granting), "throw away tokens that are over"),
        _repeat(clock.PERIOD, watch, "look at the clock"),
        _repeat(rate_refusals.PERIOD, partial(_tell_refused, services), "record what was refused"),
        _repeat(_STRAYS, partial(strays, services), "remove files without a message"),
        keeping.keep(services.repository, settings.audit_anchor_interval),
        Rounds(services, (*DUTIES, Leavers(granting), unused, AccessNotices())).make(settings.round_interval),
    )


async def _repeat(seconds: float, act: Callable[[], Awaitable[object]], what: str) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - the database may be away for a moment: do it the next time
            _log.warning("cannot %s", what, extra={"error": type(error).__name__})


async def _keep_up(granting: Authority) -> None:
    """Look for keys and revocations that other processes made."""
    granting.ring.look(granting.clock())
    await granting.revocations.look(granting.clock())


async def _prune(granting: Authority) -> None:
    await granting.store.prune(granting.clock())


async def _tell_refused(services: Services) -> None:
    for line in services.rate_refusals.due(services.clock()):
        await services.repository.record(line)
