"""The parts of a server in a folder of the test's own, without HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from engines import migrated

from fhir_server import bootstrap
from fhir_server.interactions.services import Services
from fhir_server.settings import Settings, read_settings
from fhir_server.storage.url import sqlite_path


def attempt(folder: Path, act: Callable[[Services], Awaitable[object]]) -> None:
    """Open a fresh server on SQLite below ``folder``, do ``act`` with its parts, and close it."""
    opened(read_settings({"FHIR_SERVER_DATA_DIR": str(folder / "data")}), act)


def opened(settings: Settings, act: Callable[[Services], Awaitable[object]]) -> None:
    """Open the server that ``settings`` describe, do ``act`` with its parts, and close it."""
    path = sqlite_path(settings.database)
    if path is not None and not path.exists():
        migrated(path)
    bootstrap.prepare(settings)

    async def run() -> None:
        services = await bootstrap.open_services(settings)
        try:
            await act(services)
        finally:
            await services.reindexing.stop()
            await services.repository.close()

    asyncio.run(run())
