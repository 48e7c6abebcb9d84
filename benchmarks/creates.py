"""How many durable creates many clients get through beside one: whether they share commits."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import orjson

from benchmarks.client import Target, load
from benchmarks.corpus import corpus
from benchmarks.measure import Figure
from benchmarks.server import hub
from benchmarks.stage import Stage
from fhir_server.bootstrap import load_resources, now, token_for
from fhir_server.settings import read_settings

_CLIENTS, _ROUNDS, _SECONDS_OF_ONE, _WARM_UP = 32, 5, 1.0, 320


def creates(stage: Stage) -> Iterator[Figure]:
    """Yield the creates a second of 32 clients beside those of one, and what one commit costs this disk."""
    environment = stage.empty("creates")
    settings = read_settings(environment)
    resources = list(corpus())  # in which no thread is closed
    load_resources(settings, resources)
    message = next(each for each in resources if each["resourceType"] == "Communication")
    body = orjson.dumps({name: value for name, value in message.items() if name != "id"})
    token = token_for(settings, "Device/bench", "system", ttl=3600, at=now())
    with hub(environment) as server:
        one, many = asyncio.run(_rates(Target(server.port, "/fhir/Communication", token, body)))
    yield Figure(f"durable creates, {_CLIENTS} clients against 1", many, one, "per s", 3.0, least=True)
    yield Figure("  one commit of 1 client against one fsync of 8 kB", 1e6 / one, _fsync(stage.folder), "us")


async def _rates(target: Target) -> tuple[float, float]:
    """Return the best rate of one client and of many, measured by turns."""
    await load(target, _WARM_UP, _CLIENTS)
    count = max(50, int(_SECONDS_OF_ONE * await _rate(target, 100, 1)))
    rates = [
        (await _rate(target, count, 1), await _rate(target, _CLIENTS * (4 * count // _CLIENTS), _CLIENTS)) for _ in range(_ROUNDS)
    ]
    return median(one for one, _ in rates), median(many for _, many in rates)


async def _rate(target: Target, count: int, clients: int) -> float:
    begin = time.perf_counter()
    await load(target, count, clients)
    return count / (time.perf_counter() - begin)


def _fsync(folder: Path) -> float:
    """Return the median microseconds of making 8 kB durable."""
    taken = []
    descriptor = os.open(folder / "fsync", os.O_RDWR | os.O_CREAT)
    try:
        for number in range(300):
            os.pwrite(descriptor, os.urandom(8192), number % 64 * 8192)
            begin = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - begin)
    finally:
        os.close(descriptor)
    return median(taken) * 1e6
