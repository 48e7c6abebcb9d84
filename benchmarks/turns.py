"""The CPU of requests to several servers, measured by turns: what disturbs one then disturbs the others alike."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.client import Target, load
from benchmarks.server import Server, settled

_CONNECTIONS: Final = 32
_WARM_UP: Final = 640
_TURN: Final = 0.2  # seconds of CPU
_ROUNDS: Final = 15


async def by_turns(asked: Sequence[tuple[Server, Target]]) -> Sequence[float]:
    """Return the median microseconds of CPU that a request takes of each server.

    Every turn takes about the same CPU: the speed of a shared machine changes from one moment to the next, and the least of
    turns of unequal length would be the least of unequal chances.
    """
    counts = [await _count(server, target) for server, target in asked]
    taken: list[list[float]] = [[] for _ in asked]
    for _ in range(_ROUNDS):
        for (server, target), count, costs in zip(asked, counts, taken, strict=True):
            costs.append(await _cost(server, target, count))
    return [median(costs) * 1e6 for costs in taken]


async def _count(server: Server, target: Target) -> int:
    """Warm up, and return how many requests are a turn."""
    await load(target, _WARM_UP, _CONNECTIONS)
    return max(1, round(_TURN / await _cost(server, target, _WARM_UP) / _CONNECTIONS)) * _CONNECTIONS


async def _cost(server: Server, target: Target, count: int) -> float:
    before = await settled(server)
    await load(target, count, _CONNECTIONS)
    return (await settled(server) - before) / count
