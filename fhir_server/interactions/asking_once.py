"""A request that asks the sources more than once: of equal questions it asks one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from fhir_server.federation.asking import Asking
from fhir_server.interactions.call import Call

MOST: Final = 10_000
"""Resources of sources that a Bundle of requests holds for those that follow."""


@asynccontextmanager
async def asking_once(call: Call) -> AsyncIterator[Call]:
    """Give ``call`` as one in which no source is asked the same twice; what they answered is let go of at the end.

    Where it is part of such a one already, that one sees to it.
    """
    if call.asking is not None:
        yield call
        return
    asking = Asking()
    try:
        yield replace(call, asking=asking)
    finally:
        await call.services.federation.pace.through(asking.let_go())


async def let_go_of_much(call: Call) -> None:
    """Let go of what the sources answered so far where it is more than is held: it is asked again."""
    if call.asking is not None and call.asking.held > MOST:
        await call.services.federation.pace.through(call.asking.let_go())
