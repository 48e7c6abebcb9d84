"""Open the database that a URL names for work on its index."""

from fhir_server.storage import migrate
from fhir_server.storage.reindex.database import IndexDatabase
from fhir_server.storage.url import sqlite_path


def open_index(url: str, *, write: bool) -> IndexDatabase:
    """Open ``url``; to ``write`` to a SQLite file this process must be the only one that does.

    Raises UnknownDatabase, DatabaseOlder, DatabaseNewer, DatabaseInUse.
    """
    migrate.require_current(url)
    path = sqlite_path(url)
    if path is None:
        from fhir_server.storage.reindex.postgres import PostgresIndex  # noqa: PLC0415 - load one engine, not both

        return PostgresIndex(url)
    from fhir_server.storage.reindex.sqlite import SqliteIndex  # noqa: PLC0415 - the same

    database = SqliteIndex(path)
    if write:
        try:
            database.own()
        except BaseException:
            database.close()
            raise
    return database
