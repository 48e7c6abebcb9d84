"""Bring a database to the tables that this code knows; the same steps on both engines, forward only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from fhir_server.storage import lock
from fhir_server.storage.url import sqlalchemy_url, sqlite_path

_SCRIPTS = Path(__file__).parent / "migrations"
_ADVISORY = 0x66686972  # one migration at a time per PostgreSQL database


class DatabaseNewer(RuntimeError):
    """The database was migrated by a newer version of the server."""


class DatabaseUnreachable(RuntimeError):
    """The database cannot be opened: no server answers, it lets nobody in, or the file is none of SQLite."""


class DatabaseOlder(RuntimeError):
    """The database lacks tables that this version needs."""


def head() -> str:
    """Return the revision that this code needs."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


def current(url: str) -> str | None:
    """Return the revision of the database, None when it is empty. Raises DatabaseUnreachable."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None
    with _connection(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> None:
    """Create or upgrade the tables to ``head()``.

    Raises DatabaseNewer when the database has a revision unknown here, DatabaseInUse when another process has the SQLite file open,
    DatabaseUnreachable.
    """
    with _alone(url), _connection(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
        revision = MigrationContext.configure(connection).get_current_revision()
        require_known(revision)
        if revision != head():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
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


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        with _connected(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def _connected(engine: Engine) -> Connection:
    try:
        connection = engine.connect()
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA schema_version"))  # it looks into its file no sooner
            connection.rollback()
    except DatabaseError as error:
        raise DatabaseUnreachable(f"the database cannot be opened: {' '.join(str(error.orig).split())}") from error
    return connection


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
