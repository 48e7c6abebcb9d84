"""The simulated source systems of the demo, as child processes that end when this process does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conformance
from fhir_server.cli.command import CommandFailed
from profiles.demo import sources

_STOP_SECONDS = 5
DATA = Path(conformance.__path__[0]) / "simulators" / "data"


@dataclass(frozen=True, slots=True)
class Simulator:
    """One running simulator: its process id, its port, and the declaration of the demo data."""

    name: str
    declaration: dict[str, Any]
    port: int
    pid: int

    @property
    def facts(self) -> dict[str, Any]:
        """What demo.json tells of it."""
        shown = {key: self.declaration[key] for key in ("adapter", "holds", "canary")}
        return {"name": self.name, **shown, "port": self.port, "pid": self.pid}

    @property
    def table(self) -> str:
        """Its table in sources.toml."""
        told = self.declaration
        return (
            f"[{self.name}]\nadapter = '{told['adapter']}'\nendpoint = 'http://127.0.0.1:{self.port}/{told.get('path', '')}'\n"
            f"organisation = {{ ura = '{told['ura']}' }}\n"
            f"options = {{ display = '{told['display']}' }}\n"
        )


@contextmanager
def simulators() -> Iterator[list[Simulator]]:
    """Start the simulators that profiles/demo/sources.toml declares; stop them at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(_started(name, declaration)) for name, declaration in sources().items()]


@contextmanager
def _started(name: str, declaration: dict[str, Any]) -> Iterator[Simulator]:
    command = [sys.executable, "-m", "conformance.simulators", declaration["kind"], "--port", "0", "--parent-pipe"]
    command += ["--data", str(DATA / declaration["data"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        assert process.stdin
        assert process.stdout
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            process.kill()
            raise CommandFailed(f"the simulator of {name} did not start")
        try:
            yield Simulator(name, declaration, int(line.split()[-1]), process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
