"""How a page of a search grows from ten thousand resources to the large region, and what a third condition costs there."""

import asyncio
from collections.abc import Iterator

from benchmarks.measure import Figure, side_by_side
from benchmarks.questions import BY_CLIENT, BY_STATUS, ONE, THREE, searching
from benchmarks.stage import Database, Stage
from fhir_server.bootstrap import open_services

_ROUNDS, _WARM_UP = 400, 100
_GROWTHS = (("search by status and date", BY_STATUS, 2.0), ("search by client and date", BY_CLIENT, 4.0))


def growth(stage: Stage) -> Iterator[Figure]:
    """Yield the median time of a page in the large region, beside that in the small one."""
    for name, question, goal in _GROWTHS:
        ours, floor = asyncio.run(_both((stage.large, question), (stage.small, question)))
        yield Figure(f"{name}: {stage.large.count:,} against {stage.small.count:,}", ours, floor, "us", goal)


def three_way(stage: Stage) -> Iterator[Figure]:
    """Yield the median time of a page by three keys, beside that by the most selective of them alone."""
    ours, floor = asyncio.run(_both((stage.large, THREE), (stage.large, ONE)))
    yield Figure("search by client, status and category against client", ours, floor, "us", 3.0)


async def _both(ours: tuple[Database, str], floor: tuple[Database, str]) -> list[float]:
    opened = {
        id(database): await open_services(database.settings) for database, _ in {id(one[0]): one for one in (ours, floor)}.values()
    }
    try:
        acts = [searching(opened[id(database)], database, question, _ROUNDS) for database, question in (ours, floor)]
        return await side_by_side(acts, _ROUNDS, _WARM_UP)
    finally:
        for services in opened.values():
            await services.repository.close()
