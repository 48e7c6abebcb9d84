"""What SQLite itself refuses, in the words of the store."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.storage.repository import StorageFull, Unavailable


@contextmanager
def told() -> Iterator[None]:
    """Turn a full disk, a file that cannot be read or written and their kin into Unavailable and StorageFull."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageFull("the database is full") from error
        if error.sqlite_errorcode & _PRIMARY in _OF_THE_FILE:
            raise Unavailable("the database cannot be read or written") from error
        raise


_PRIMARY = 0xFF  # the rest of a code says more precisely what failed
_OF_THE_FILE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
