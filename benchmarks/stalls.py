"""How long the event loop is held by one callback while reads, searches, counts and creates come at the same time."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator

import orjson

from benchmarks.client import Target, load
from benchmarks.measure import Figure
from benchmarks.network.numbers import id_of
from benchmarks.network.region import region
from benchmarks.server import Server, free_port, process
from benchmarks.stage import Database, Stage
from fhir_server.bootstrap import now, token_for

_GOAL = 5.0  # milliseconds
_MIX = {  # of each, the connections and how many requests they send
    "/fhir/Patient/{client}": (8, 9_000),
    "/fhir/Communication?patient=Patient/{client}&_sort=-sent&_count=20": (4, 3_000),
    "/fhir/Communication?status=completed&sent=ge2025-06-01&_sort=-sent&_count=20": (2, 1_000),
    "/fhir/CareTeam?patient=Patient/{client}&_include=CareTeam:participant": (2, 500),
    "/fhir/Communication?status=completed&_sort=-sent&_count=100": (1, 100),
    "/fhir/Communication?category=alert&_summary=count": (1, 100),
    "/fhir/Patient?name:contains=terwold&_count=50": (1, 60),
}
_CREATES = (4, 1_500)


def stalls(stage: Stage) -> Iterator[Figure]:
    """Yield the longest callback: CPU, which other work on the machine does not stretch, and by the clock."""
    database = stage.large
    file = stage.folder / "stalls.json"
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.watched", str(file)]
    with process(command, port, "/health/ready", {**database.environment, "FHIR_SERVER_PORT": str(port)}) as server:
        asyncio.run(_mixed(server, database))
    seen = json.loads(file.read_text(encoding="utf-8"))
    yield Figure(f"longest of {seen['count']:,} callbacks, CPU, against 1 ms", seen["cpu"][0], 1.0, "ms", _GOAL)
    yield Figure("  the tenth longest", seen["cpu"][9], 1.0, "ms")
    yield Figure("  the longest by the clock", seen["clock"][0], 1.0, "ms")
    yield Figure("  the tenth longest by the clock", seen["clock"][9], 1.0, "ms")


async def _mixed(server: Server, database: Database) -> None:
    targets = list(_targets(server, database))
    await asyncio.gather(*(load(target, max(connections, count // 20), connections) for target, connections, count in targets))
    os.kill(server.pid, signal.SIGUSR1)
    await asyncio.gather(*(load(target, count, connections) for target, connections, count in targets))


def _targets(server: Server, database: Database) -> Iterator[tuple[Target, int, int]]:
    token = token_for(database.settings, "Device/bench", "system", ttl=3600, at=now())
    client = id_of("Patient", 1, database.scale.seed)
    for path, (connections, count) in _MIX.items():
        yield Target(server.port, path.format(client=client), token), connections, count
    messages = (each for each in region(database.scale) if each["resourceType"] == "Communication")
    body = orjson.dumps({name: value for name, value in next(messages).items() if name != "id"})
    yield Target(server.port, "/fhir/Communication", token, body), *_CREATES
