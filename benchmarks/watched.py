"""The hub on asyncio's own loop, with a watch on every callback: ``python -m benchmarks.watched FILE``.

SIGUSR1 begins the watch anew; when the server ends, FILE holds the longest callbacks in milliseconds of CPU and of the clock.
"""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.events import Handle
from collections.abc import Coroutine
from heapq import heappush, heappushpop
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fhir_server.bootstrap import prepare
from fhir_server.cli import serve
from fhir_server.settings import read_settings

_KEPT = 20


class Watch:
    """Keeps the longest callbacks."""

    def __init__(self) -> None:
        self.count = 0
        self._longest: list[tuple[float, float, int, str]] = []
        self._clock: list[float] = []
        self._run = Handle._run  # noqa: SLF001 - the one place through which asyncio calls everything

    def begin(self) -> None:
        """Forget what was seen so far."""
        self.count = 0
        self._longest = []
        self._clock = []

    def run(self, handle: Handle) -> None:
        """Run a callback."""
        clock, cpu = time.perf_counter(), time.thread_time()
        self._run(handle)
        seen = (time.thread_time() - cpu) * 1e3, (time.perf_counter() - clock) * 1e3
        self.count += 1
        (heappush if len(self._longest) < _KEPT else heappushpop)(self._longest, (*seen, self.count, ""))
        (heappush if len(self._clock) < _KEPT else heappushpop)(self._clock, seen[1])

    def report(self) -> dict[str, Any]:
        """Return how many callbacks there were, and the longest, the longest first."""
        cpu = [round(each[0], 2) for each in sorted(self._longest, reverse=True)]
        return {"count": self.count, "cpu": cpu, "clock": [round(each, 2) for each in sorted(self._clock, reverse=True)]}


def main() -> None:
    """Serve until a signal ends it."""
    watch = Watch()
    settings = read_settings(os.environ)
    prepare(settings)

    def run(serving: Coroutine[Any, Any, None]) -> None:
        async def watched() -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, watch.begin)
            await serving

        Handle._run = lambda handle: watch.run(handle)  # type: ignore[method-assign] # noqa: SLF001 - the same place
        asyncio.run(watched())

    serve.uvloop = SimpleNamespace(run=run)  # type: ignore[assignment] # the loop in C cannot be watched
    serve.serve(settings)
    Path(sys.argv[1]).write_text(json.dumps(watch.report()), encoding="utf-8")


if __name__ == "__main__":
    main()
