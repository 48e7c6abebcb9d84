"""``fhir-server serve``: serve the hub."""

import argparse
import asyncio
import errno
import os
import signal
import socket
from dataclasses import fields

import uvloop
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.embed import Server

from fhir_server.bootstrap import hub, prepare
from fhir_server.cli import named_files
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.http.log import configure
from fhir_server.settings import PREFIX, Settings


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("serve", help="serve the hub", description="Bring the database up to date and serve the hub.")
    command.add_argument("--host", help="address to listen on (FHIR_SERVER_HOST)")
    command.add_argument("--port", help="port to listen on (FHIR_SERVER_PORT)")
    command.add_argument("--data-dir", help="folder for database, keys and secrets (FHIR_SERVER_DATA_DIR)")
    command.set_defaults(run=run)


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Serve until a signal ends it."""
    require_port(settings)
    named_files.require(settings)
    prepare(settings)
    serve(settings)
    return 0


def require_port(settings: Settings) -> None:
    """Raise CommandFailed unless the server can listen where it is to: it would share the port with another one, unnoticed."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"port {settings.port} on {settings.host} is taken; choose another one with --port"
        else:
            text = f"cannot listen on port {settings.port} of {settings.host}: {error.strerror}"
        raise CommandFailed(text) from error


def serve(settings: Settings) -> None:
    """Serve the prepared ``settings``: in this process, or for several workers in processes that read them from the environment."""
    configure(settings.log_level)
    if settings.workers == 1:
        uvloop.run(_serve_here(settings))
        return
    os.environ.update(_environment(settings))
    Granian(
        "fhir_server.bootstrap:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        log_level=LogLevels.warning,
        websockets=True,
    ).serve()


async def _serve_here(settings: Settings) -> None:
    server = Server(
        hub(settings, lasting=True),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        log_level=LogLevels.error,
        websockets=True,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()


def _environment(settings: Settings) -> dict[str, str]:
    values = {each.name: getattr(settings, each.name) for each in fields(Settings)}
    return {PREFIX + name.upper(): str(value) for name, value in values.items()} | {PREFIX + "BASE_URL": settings.base}
