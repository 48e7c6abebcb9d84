"""Runs a simulated source system as the process that it is."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that listens on ``port``."""

    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hl7v3"


@contextmanager
def simulator(*words: str) -> Iterator[Running]:
    """Start ``python -m conformance.simulators`` with ``words``, on a free port; it ends with the block."""
    command = [sys.executable, "-m", "conformance.simulators", *words, "--port", "0", "--parent-pipe"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        try:
            yield Running(int(line.split()[-1]), process)
        finally:
            process.stdin.close()
            process.wait(10)
