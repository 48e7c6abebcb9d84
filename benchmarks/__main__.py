"""``make bench``: CPU per request of the hub on both engines, as ratios to a bare ASGI application in the same run."""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.client import Target, load
from benchmarks.corpus import GP, corpus
from benchmarks.postgres import postgres
from benchmarks.server import Server, bare, hub, settled
from fhir_server.bootstrap import load_resources, now, token_for
from fhir_server.settings import read_settings

CONNECTIONS = 32
WARM_UP = 640
GOALS = {"sqlite": {"read": "3", "search": "10", "across": "-"}, "postgresql": {"read": "7", "search": "16", "across": "-"}}
PATHS = {
    "read": "/fhir/Communication/message-10-3",
    "search": "/fhir/Communication?patient=Patient/client-10&_sort=-sent&_count=20",  # the messages about one client
    "across": "/fhir/Communication?status=completed&sent=ge2026-01-01&_sort=-sent&_count=20",  # those of all the caller's clients
}


def main() -> None:
    """Print one table per engine; a figure is the least of several rounds, which other work on the machine disturbs least."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--requests", type=int, default=3200, help="requests per round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for engine in GOALS:
        with database(engine) as url, tempfile.TemporaryDirectory() as folder:
            if url is None:
                print(f"{engine}: left out, no PostgreSQL binaries found")
                continue
            report(engine, measure(url, Path(folder), options.requests, options.rounds))


@contextmanager
def database(engine: str) -> Iterator[str | None]:
    """Give the URL of an empty database, "" for SQLite in the data folder, None where there is no PostgreSQL."""
    with nullcontext("") if engine == "sqlite" else postgres() as url:
        yield url


def measure(url: str, folder: Path, requests: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Return for each request the CPU microseconds of the hub and of the bare application."""
    environment = {"FHIR_SERVER_DATA_DIR": str(folder / "data"), "FHIR_SERVER_BASE_URL": "http://bench/fhir"}
    environment |= {"FHIR_SERVER_DATABASE_URL": url} if url else {}
    settings = read_settings(environment)
    load_resources(settings, corpus())
    token = token_for(settings, GP, "practitioner", ttl=3600, at=now())
    return asyncio.run(_measure(environment, token, requests, rounds))


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


def report(engine: str, found: dict[str, tuple[float, float]]) -> None:
    """Print the table of one engine."""
    print(f"\n{engine}: CPU per request, token check and record included, {os.cpu_count()} cores")
    print(f"{'request':<10}{'hub us':>10}{'bare us':>10}{'ratio':>8}{'goal':>8}")
    for name, (ours, floor) in found.items():
        print(f"{name:<10}{ours:>10.0f}{floor:>10.0f}{ours / floor:>8.1f}{GOALS[engine][name]:>8}")


if __name__ == "__main__":
    main()
