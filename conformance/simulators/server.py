"""Serves a simulated system on the loopback interface."""

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable

from aiohttp import web

from conformance.simulators.asked import Asked
from conformance.simulators.faults import Answer, Fault

__all__ = ["Answer", "System", "application", "serve"]

System = Callable[[Asked], Answer]
LARGEST_QUESTION = 1_000_000


def application(system: System, fault: Fault, authorization: str = "") -> web.Application:
    """Make the HTTP application: every POST and GET is a question to ``system``, whose answer goes out through ``fault``.

    ``authorization`` is the header that each has to bear, where it is not "".
    ``GET /asked`` tells how many questions there were so far, by method and path.
    """
    asked: Counter[str] = Counter()

    async def ask(request: web.Request) -> web.StreamResponse:
        asked[f"{request.method} {request.path}"] += 1
        if authorization and request.headers.get("Authorization") != authorization:
            return web.Response(status=401)
        return await fault(request, system(await _read(request)))

    async def tell(_: web.Request) -> web.Response:
        return web.json_response(asked)

    made = web.Application(client_max_size=LARGEST_QUESTION)
    made.router.add_get("/asked", tell)
    for method in ("GET", "POST"):
        made.router.add_route(method, "/{path:.*}", ask)
    return made


async def _read(request: web.Request) -> Asked:
    return Asked(await request.read(), request.method, request.path, request.query_string, f"http://{request.host}")


async def serve(made: web.Application, port: int, *, parent_pipe: bool) -> None:
    """Serve ``made`` until SIGTERM or SIGINT, or with ``parent_pipe`` until standard input ends; print the port first."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    sys.stdout.write(f"listening on {runner.addresses[0][1]}\n")
    sys.stdout.flush()
    if parent_pipe:
        threading.Thread(target=_await_end_of_input, args=(loop, ended), daemon=True).start()
    await ended.wait()
    await runner.cleanup()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(0, 1024):
        pass
    loop.call_soon_threadsafe(ended.set)
