"""What a request costs the hub in CPU, beside a bare ASGI application on the same web server in the same run."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.client import Target, load
from benchmarks.corpus import GP, corpus
from benchmarks.measure import Figure
from benchmarks.server import Server, bare, hub, settled
from benchmarks.stage import Stage
from fhir_server.bootstrap import load_resources, now, token_for
from fhir_server.settings import read_settings

CONNECTIONS = 32
WARM_UP = 640
REQUESTS, ROUNDS = 3200, 7
GOALS: dict[str, dict[str, float]] = {"sqlite": {"read": 2.5, "search": 8}, "postgresql": {"read": 6, "search": 14}}
PATHS = {
    "read": "/fhir/Communication/message-10-3",
    "search": "/fhir/Communication?patient=Patient/client-10&_sort=-sent&_count=20",  # the messages about one client
    "across": "/fhir/Communication?status=completed&sent=ge2026-01-01&_sort=-sent&_count=20",  # those of all the caller's clients
}


def requests(stage: Stage) -> Iterator[Figure]:
    """Yield the CPU of each request, token check and record included; the least of several rounds, which are disturbed least."""
    environment = stage.empty("requests")
    settings = read_settings(environment)
    load_resources(settings, corpus())
    token = token_for(settings, GP, "practitioner", ttl=3600, at=now())
    for name, (ours, floor) in asyncio.run(_measure(environment, token, REQUESTS, ROUNDS)).items():
        yield Figure(f"CPU of a request: {name}", ours, floor, "us", GOALS[stage.engine].get(name))


async def _measure(environment: Mapping[str, str], token: str, requests: int, rounds: int) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    with hub(environment) as server:
        for name, path in PATHS.items():
            size = await _size(server, path, token)
            with bare(size) as yardstick:
                target, plain = Target(server.port, path, token), Target(yardstick.port, path, token)
                await load(target, WARM_UP, CONNECTIONS)
                await load(plain, WARM_UP, CONNECTIONS)
                pairs = [(await _cost(server, target, requests), await _cost(yardstick, plain, requests)) for _ in range(rounds)]
            found[name] = min(ours for ours, _ in pairs), min(floor for _, floor in pairs)
    return found


async def _size(server: Server, path: str, token: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(Target(server.port, path, token).request())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    body: dict[str, Any] = json.loads(await reader.readexactly(size))
    writer.close()
    assert body["resourceType"] == "Communication" or len(body["entry"]) == 20, "the request must find what it is meant to"
    return size


async def _cost(server: Server, target: Target, requests: int) -> float:
    before = await settled(server)
    await load(target, requests, CONNECTIONS)
    return (await settled(server) - before) / requests * 1e6
