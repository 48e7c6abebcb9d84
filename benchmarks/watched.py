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
        self._cpu: list[float] = []
        self._clock: list[float] = []
        self._run = Handle._run  # noqa: SLF001 - the one place through which asyncio calls everything

    def begin(self) -> None:
        """Forget what was seen so far."""
        self.count = 0
        self._cpu = []
        self._clock = []

    def run(self, handle: Handle) -> None:
        """Run a callback."""
        clock, cpu = time.perf_counter(), time.thread_time()
        self._run(handle)
        for longest, taken in ((self._cpu, time.thread_time() - cpu), (self._clock, time.perf_counter() - clock)):
            (heappush if len(longest) < _KEPT else heappushpop)(longest, taken * 1e3)
        self.count += 1

    def report(self) -> dict[str, Any]:
        """Return how many callbacks there were, and the longest, the longest first."""
        found = {"cpu": self._cpu, "clock": self._clock}
        return {"count": self.count} | {name: sorted(longest, reverse=True) for name, longest in found.items()}


def main() -> None:
    """Serve until a signal ends it."""
    watch = Watch()
    settings = read_settings(os.environ)
    prepare(settings)

    def called(handle: Handle) -> None:  # a function, so that it becomes a method of each handle
        watch.run(handle)

    def run(serving: Coroutine[Any, Any, None]) -> None:
        async def watched() -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, watch.begin)
            await serving

        Handle._run = called  # type: ignore[method-assign] # noqa: SLF001 - the same place
        asyncio.run(watched())

    serve.uvloop = SimpleNamespace(run=run)  # type: ignore[assignment] # the loop in C cannot be watched
    serve.serve(settings)
    Path(sys.argv[1]).write_text(json.dumps(watch.report()), encoding="utf-8")


if __name__ == "__main__":
    main()
