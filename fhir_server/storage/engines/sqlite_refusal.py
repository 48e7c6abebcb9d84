"""What SQLite itself refuses, in the words of the store."""

import sqlite3

from fhir_server.storage.repository import StorageFull, Unavailable


def told(error: sqlite3.OperationalError) -> Exception:
    """Return StorageFull for a full disk, Unavailable for a file that cannot be read or written, any other error as it is."""
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return StorageFull("the database is full")
    if error.sqlite_errorcode & _PRIMARY in _OF_THE_FILE:
        return Unavailable("the database cannot be read or written")
    return error


_PRIMARY = 0xFF  # the rest of a code says more precisely what failed
_OF_THE_FILE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
