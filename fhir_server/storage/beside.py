"""The record for a process that does not own the store: a command, with or without a server that runs meanwhile.

Its line begins a chain of its own, so that no server's chain has to wait.
"""

import sqlite3
from contextlib import closing, suppress
from typing import Any, Final

import psycopg

from fhir_server.storage import migrate
from fhir_server.storage.engines import postgres_journal, sqlite_journal
from fhir_server.storage.engines.sqlite_writer import connect
from fhir_server.storage.journal.chain import Block, Chain
from fhir_server.storage.journal.line import Unreadable, written
from fhir_server.storage.journal.projection import BLOCKS
from fhir_server.storage.repository import AuditRow
from fhir_server.storage.url import sqlite_path


class RecordUnwritable(Exception):
    """The line could not be made durable: what it would tell of must not happen."""


def record(url: str, row: AuditRow) -> None:
    """Return when ``row`` is durable, and is found with what was recorded before (``project``).

    Raises RecordUnwritable, UnknownDatabase, DatabaseOlder, DatabaseNewer and DatabaseUnreachable.
    """
    migrate.require_current(url)
    block = Chain().block([written(row)])
    try:
        _append(url, block)
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise RecordUnwritable(f"the record cannot be written, so nothing is shown or done ({type(error).__name__})") from error
    _project(url)


def project(url: str) -> None:
    """Make rows of audit_event of what is in the journal, as far as that can be read: a server that was killed left some.

    Raises UnknownDatabase, DatabaseOlder, DatabaseNewer and DatabaseUnreachable.
    """
    migrate.require_current(url)
    _project(url)


def _project(url: str) -> None:
    path = sqlite_path(url)
    with suppress(sqlite3.Error, psycopg.Error, OSError, Unreadable):  # what is wrong with it is for ``audit verify`` to tell
        if path is None:
            with _postgres(url) as connection:
                while _some_on_postgres(connection):
                    pass
            return
        with closing(connect(path)) as file:
            while _some_on_sqlite(file):
                pass


def _some_on_sqlite(connection: sqlite3.Connection) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    more = sqlite_journal.project(connection)
    connection.execute("COMMIT")
    return more


def _some_on_postgres(connection: psycopg.Connection[Any]) -> bool:
    with connection.transaction(), psycopg.RawCursor(connection) as cursor:
        cursor.execute(postgres_journal.ALONE.encode(), (postgres_journal.ADVISORY,))
        return cursor.execute(postgres_journal.PROJECT.encode(), (BLOCKS,)).fetchone() == _FULL


def _append(url: str, block: Block) -> None:
    if (path := sqlite_path(url)) is not None:
        with closing(connect(path)) as file:
            file.execute("BEGIN IMMEDIATE")
            sqlite_journal.append(file, block)
            file.execute("COMMIT")
        return
    with _postgres(url) as connection, connection.transaction(), psycopg.RawCursor(connection) as cursor:
        cursor.execute(postgres_journal.BEGIN.encode(), (block.chain,))
        cursor.execute(postgres_journal.APPEND.encode(), postgres_journal.parameters(block))


def _postgres(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, application_name="fhir-server record")


_FULL: Final = (BLOCKS,)
