"""Bring a database to the tables that this code knows; the same steps on both engines, forward only."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from fhir_server.storage import lock
from fhir_server.storage.schema import metadata
from fhir_server.storage.url import sqlalchemy_url, sqlite_path

_SCRIPTS = Path(__file__).parent / "migrations"
_REVISION = "SELECT version_num FROM alembic_version"
# A PostgreSQL database may serve others too, as long as their tables have other names; a SQLite file belongs to the server alone.
_OURS_ON_POSTGRES = "SELECT 1 FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL LIMIT 1"
_ANY_ON_SQLITE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT IN ('alembic_version', 'sqlite_sequence') LIMIT 1"
_ADVISORY = 0x66686972  # one migration at a time per PostgreSQL database


class DatabaseNewer(RuntimeError):
    """The database was migrated by a newer version of the server."""


class DatabaseUnreachable(RuntimeError):
    """The database cannot be opened: no server answers, it lets nobody in, or the file is none of SQLite."""


class DatabaseForeign(DatabaseUnreachable):
    """The database holds tables that no version of the server made."""


class DatabaseOlder(RuntimeError):
    """The database lacks tables that this version needs."""


def head() -> str:
    """Return the revision that this code needs."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


def current(url: str) -> str | None:
    """Return the revision of the database, None when it is empty. Raises DatabaseUnreachable, DatabaseForeign."""
    path = sqlite_path(url)
    if path is None:
        return _postgres_revision(url)
    return _sqlite_revision(path) if path.exists() else None


def upgrade(url: str) -> None:
    """Create or upgrade the tables to ``head()``.

    Raises DatabaseNewer when the database has a revision unknown here, DatabaseInUse when another process has the SQLite file open,
    DatabaseUnreachable, DatabaseForeign.
    """
    with _alone(url):
        revision = current(url)
        require_known(revision)
        if revision != head():
            _upgrade(url)


def _upgrade(url: str) -> None:
    with _connection(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins nothing before DDL: half the tables would stay
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")  # nothing where another process has done so meanwhile
        connection.commit()


def require_known(revision: str | None) -> None:
    """Raise DatabaseNewer unless this code knows ``revision``."""
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewer(f"the database is at revision {revision}, this server knows up to {head()}: use a newer server")


def require_current(url: str) -> None:
    """Raise DatabaseOlder or DatabaseNewer unless the database has exactly the tables that this code needs; DatabaseUnreachable."""
    revision = current(url)
    require_known(revision)
    if revision != head():
        raise DatabaseOlder(
            f"the database is at revision {revision or 'none'}, this server needs {head()}: run 'fhir-server migrate'"
        )


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def _postgres_revision(url: str) -> str | None:
    try:
        with psycopg.connect(url) as connection:
            (there,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
            row = connection.execute(_REVISION).fetchone() if there else None
            others = None if row else connection.execute(_OURS_ON_POSTGRES, [list(metadata.tables)]).fetchone()
    except psycopg.Error as error:
        raise _unreachable(error) from error
    return _revision(row, others)


def _sqlite_revision(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = connection.execute(_REVISION).fetchone() if there else None
            others = None if row else connection.execute(_ANY_ON_SQLITE).fetchone()
    except sqlite3.Error as error:
        raise _unreachable(error) from error
    return _revision(row, others)


def _revision(row: tuple[str] | None, others: object) -> str | None:
    if row is None and others is not None:
        raise DatabaseForeign("the database cannot be used: it holds tables that this server did not make; name an empty one")
    return row[0] if row else None


def _unreachable(error: Exception) -> DatabaseUnreachable:
    return DatabaseUnreachable(f"the database cannot be opened: {' '.join(str(error).split())}")


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _alone(url: str) -> Iterator[None]:
    path = sqlite_path(url)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = lock.acquire(path)
    try:
        if not path.exists():  # for its owner alone, as the files that SQLite puts beside it are then
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        yield
    finally:
        os.close(descriptor)
