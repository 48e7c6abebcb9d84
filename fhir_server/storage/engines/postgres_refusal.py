"""What PostgreSQL itself refuses, in the words of the store."""

import psycopg
from psycopg.errors import DiskFull

from fhir_server.storage.repository import StorageFull, Unavailable


def told(error: psycopg.OperationalError) -> Exception:
    """Return StorageFull for a full disk, Unavailable for a lost connection, a server that starts or stops, and their kin."""
    if isinstance(error, DiskFull):
        return StorageFull("the database is full")
    return Unavailable("the database does not answer")
