"""Open the store that a database URL names."""

from fhir_server.storage import migrate
from fhir_server.storage.repository import Repository
from fhir_server.storage.url import sqlite_path


async def open_repository(url: str, secret: bytes = b"") -> Repository:
    """Open ``sqlite:///PATH`` or ``postgresql://...``; ``migrate.upgrade(url)`` has to have been run.

    ``secret`` seals the free texts in the record; without it a line with one is refused.

    Raises UnknownDatabase, DatabaseOlder or DatabaseNewer, and DatabaseInUse when another process owns the SQLite file.
    """
    migrate.require_current(url)
    path = sqlite_path(url)
    if path is not None:
        from fhir_server.storage.engines.sqlite import SqliteRepository  # noqa: PLC0415 - load one engine, not both

        return SqliteRepository(path, secret)
    from fhir_server.storage.engines.postgres import PostgresRepository  # noqa: PLC0415 - load one engine, not both

    return await PostgresRepository.open(url, secret)
