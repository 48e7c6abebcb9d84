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
    ],
)
def test_sqlite(error: sqlite3.OperationalError, told: type[Exception]) -> None:
    assert type(sqlite_refusal.told(error)) is told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.DiskFull("x"), StorageFull),
        (psycopg.OperationalError("the connection was lost"), Unavailable),
        (psycopg.errors.AdminShutdown("x"), Unavailable),
        (psycopg.errors.CannotConnectNow("x"), Unavailable),
        (psycopg.errors.TooManyConnections("x"), Unavailable),
    ],
)
def test_postgres(error: psycopg.OperationalError, told: type[Exception]) -> None:
    assert type(postgres_refusal.told(error)) is told
