"""What PostgreSQL itself refuses, in the words of the store."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import DiskFull

from fhir_server.storage.repository import StorageFull, Unavailable


@contextmanager
def told() -> Iterator[None]:
    """Turn a lost connection, a server that starts or stops, a full disk and their kin into Unavailable and StorageFull."""
    try:
        yield
    except DiskFull as error:
        raise StorageFull("the database is full") from error
    except psycopg.OperationalError as error:
        raise Unavailable("the database does not answer") from error
