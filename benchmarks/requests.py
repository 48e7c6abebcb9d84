"""What a request costs the hub in CPU, beside a bare ASGI application on the same web server in the same run."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.client import Target
from benchmarks.corpus import GP, corpus
from benchmarks.measure import Figure
from benchmarks.server import bare, hub
from benchmarks.stage import Stage
from benchmarks.turns import by_turns
from fhir_server.bootstrap import load_resources, now, token_for
from fhir_server.settings import read_settings

GOALS: dict[str, dict[str, float]] = {"sqlite": {"read": 2.5, "search": 8}, "postgresql": {"read": 6, "search": 14}}
PATHS = {
    "read": "/fhir/Communication/message-10-3",
    "search": "/fhir/Communication?patient=Patient/client-10&_sort=-sent&_count=20",  # the messages about one client
    "across": "/fhir/Communication?status=completed&sent=ge2026-01-01&_sort=-sent&_count=20",  # those of all the caller's clients
}


def requests(stage: Stage) -> Iterator[Figure]:
    """Yield the CPU of each request, token check and record included."""
    environment = stage.empty("requests")
    settings = read_settings(environment)
    load_resources(settings, corpus())
    token = token_for(settings, GP, "practitioner", ttl=3600, at=now())
    for name, (ours, floor) in asyncio.run(_measure(environment, token)).items():
        yield Figure(f"CPU of a request: {name}", ours, floor, "us", GOALS[stage.engine].get(name))


async def _measure(environment: Mapping[str, str], token: str) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {}
    with hub(environment) as server:
        for name, path in PATHS.items():
            asked = Target(server.port, path, token)
            with bare(await _size(asked)) as yardstick:
                found[name] = await by_turns([(server, asked), (yardstick, Target(yardstick.port, path, token))])
    return found


async def _size(asked: Target) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", asked.port)
    writer.write(asked.request())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    body: dict[str, Any] = json.loads(await reader.readexactly(size))
    writer.close()
    assert body["resourceType"] == "Communication" or len(body["entry"]) == 20, "the request must find what it is meant to"
    return size
