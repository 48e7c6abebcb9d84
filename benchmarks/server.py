"""Server processes for measuring: the hub on either engine, and the bare ASGI application that is the yardstick."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_AT_REST: Final = 0.002  # seconds of CPU between two looks: what a server does when nobody asks it anything


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Return the CPU seconds that the threads of the process have used so far.

        The scheduler knows them by the nanosecond (proc(5), schedstat); clock ticks would be a tenth of what the yardstick takes.
        """
        found = [_on_cpu(each / "schedstat") for each in Path(f"/proc/{self.pid}/task").iterdir()]
        return sum(found) / 1e9


def _on_cpu(schedstat: Path) -> int:
    try:
        return int(schedstat.read_text(encoding="ascii").split()[0])
    except FileNotFoundError:  # the thread has ended meanwhile
        return 0


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(command: list[str], port: int, path: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """Run ``command`` until it answers ``path`` on ``port``; end it by its own process id."""
    with subprocess.Popen(command, env={**os.environ, **environment}) as running:
        try:
            _wait(running, f"http://127.0.0.1:{port}{path}")
            yield Server(running.pid, port)
        finally:
            running.terminate()


def _wait(running: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}")


def hub(environment: Mapping[str, str]) -> "Iterator[Server]":
    """Run the hub with the settings in ``environment``."""
    port = free_port()
    limits = {f"FHIR_SERVER_RATE_{kind}": "900000" for kind in ("PERSON", "SOFTWARE")}  # counted, and never reached
    settings = {**limits, **environment, "FHIR_SERVER_PORT": str(port)}
    return process([sys.executable, "-m", "fhir_server", "serve"], port, "/health/ready", settings)


def bare(size: int) -> "Iterator[Server]":
    """Run an application that answers every request with the same ``size`` bytes, on the same web server."""
    port = free_port()
    return process([sys.executable, "-m", "benchmarks.bare", str(port), str(size)], port, "/", {})


async def settled(server: Server) -> float:
    """Return the CPU seconds of the process once it has come to rest."""
    before = -1.0
    while (now := server.cpu()) - before > _AT_REST:
        before = now
        await asyncio.sleep(0.2)
    return now
