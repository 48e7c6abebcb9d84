"""What a database itself refuses is said in the words of the store; everything else stays what it is."""

import sqlite3

import psycopg
import pytest

from fhir_server.storage.engines import postgres_refusal, sqlite_refusal
from fhir_server.storage.repository import StorageFull, Unavailable


def refused(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refused(sqlite3.SQLITE_FULL), StorageFull),
        (refused(sqlite3.SQLITE_IOERR_WRITE), Unavailable),
        (refused(sqlite3.SQLITE_IOERR_FSYNC), Unavailable),
        (refused(sqlite3.SQLITE_BUSY), Unavailable),
        (refused(sqlite3.SQLITE_ERROR), sqlite3.OperationalError),
        (sqlite3.DatabaseError("corrupt"), sqlite3.DatabaseError),
    ],
)
def test_sqlite(error: Exception, told: type[Exception]) -> None:
    with pytest.raises(told), sqlite_refusal.told():
        raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.DiskFull("x"), StorageFull),
        (psycopg.OperationalError("the connection was lost"), Unavailable),
        (psycopg.errors.AdminShutdown("x"), Unavailable),
        (psycopg.errors.CannotConnectNow("x"), Unavailable),
        (psycopg.errors.TooManyConnections("x"), Unavailable),
        (psycopg.errors.SyntaxError("x"), psycopg.errors.SyntaxError),
    ],
)
def test_postgres(error: Exception, told: type[Exception]) -> None:
    with pytest.raises(told), postgres_refusal.told():
        raise error
