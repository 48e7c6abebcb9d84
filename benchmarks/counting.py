"""What an exact count costs beside the database's own count of the same rows of the index."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing

import psycopg

from benchmarks.measure import Figure, side_by_side
from benchmarks.questions import asked
from benchmarks.stage import Database, Stage
from fhir_server.interactions.services import Services
from fhir_server.search.rows import key
from fhir_server.storage.url import sqlite_path

_ROUNDS, _WARM_UP = 15, 3
_CATEGORY = "http://terminology.hl7.org/CodeSystem/communication-category"
_QUESTIONS = (
    ("status=completed", ("Communication", "status", "completed"), ""),
    (f"category={_CATEGORY}|alert", ("Communication", "category", "alert"), _CATEGORY),
)


def counting(stage: Stage) -> Iterator[Figure]:
    """Yield the median time of an exact count, with the number counted in its name."""
    for question, parts, system in _QUESTIONS:
        number, ours, floor = stage.large.with_services(
            lambda services, asks=(question, parts, system): _count(services, stage.large, *asks)
        )
        yield Figure(f"exact count of {number:,} ({question.rpartition('/')[2]})", ours, floor, "us", 1.5)


async def _count(
    services: Services, database: Database, question: str, parts: tuple[str, ...], system: str
) -> tuple[int, float, float]:
    grant, query = asked(services, database.scale, question, 0)
    raw, close = _raw(database, key(*parts), key(system) if system else None)
    with closing(close):
        ours, floor = await side_by_side([lambda _: services.repository.count(grant, query), raw], _ROUNDS, _WARM_UP)
    return await services.repository.count(grant, query), ours, floor


def _raw(
    database: Database, value: int, high: int | None
) -> tuple[Callable[[int], Awaitable[object]], sqlite3.Connection | psycopg.Connection[tuple[int]]]:
    """Return the count by plain SQL over a connection of its own, and that connection."""
    path = sqlite_path(database.settings.database)
    values = (value,) if high is None else (value, high)
    where = "key = {0}" if high is None else "key = {0} AND high = {0}"
    if path is not None:
        connection = sqlite3.connect(path)
        for pragma in ("mmap_size = 268435456", "cache_size = -65536"):
            connection.execute(f"PRAGMA {pragma}")
        sql = f"SELECT count(*) FROM idx WHERE {where.format('?')}"

        async def embedded(_: int) -> object:
            return connection.execute(sql, values).fetchone()

        return embedded, connection
    server = psycopg.connect(database.settings.database, autocommit=True)
    text = f"SELECT count(*) FROM idx WHERE {where.format('%s')}".encode()

    async def served(_: int) -> object:
        return server.execute(text, values, prepare=True).fetchone()

    return served, server
