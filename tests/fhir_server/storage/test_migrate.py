import asyncio
import sqlite3
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from engines import PostgresServer
from sqlalchemy import create_engine

from fhir_server.storage import migrate
from fhir_server.storage.migrations import first_authorization
from fhir_server.storage.open import open_repository
from fhir_server.storage.schema import metadata
from fhir_server.storage.url import UnknownDatabase, sqlalchemy_url, sqlite_path


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deeper/hub.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.drop("empty")
    return server.create("empty", "template0")


def execute(url: str, statement: str) -> None:
    path = sqlite_path(url)
    if path is not None:
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
        return
    with psycopg.connect(url) as session:
        session.execute(statement.encode())


def test_a_sqlite_file_is_its_owners_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deeper/hub.db"
    migrate.upgrade(url)

    async def opened() -> dict[str, int]:
        repository = await open_repository(url)
        found = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "deeper").iterdir()}
        await repository.close()
        return found

    modes = asyncio.run(opened())
    assert set(modes) >= {"hub.db", "hub.db-wal", "hub.db-shm"}
    assert set(modes.values()) == {0o600}


def test_from_nothing_to_head_and_again(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == migrate.head()
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == migrate.head()


def test_the_migrations_make_what_the_schema_says(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert differences == []


def test_a_newer_database_is_refused(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(migrate.DatabaseNewer, match="9999"):
        migrate.upgrade(database_url)
    with pytest.raises(migrate.DatabaseNewer):
        migrate.require_current(database_url)


def test_a_database_without_tables_is_refused(empty_url: str) -> None:
    import asyncio

    with pytest.raises(migrate.DatabaseOlder, match="fhir-server migrate"):
        asyncio.run(open_repository(empty_url))


def test_a_database_of_something_else_is_refused_and_left_as_it_is(empty_url: str) -> None:
    if path := sqlite_path(empty_url):
        path.parent.mkdir()
    execute(empty_url, "CREATE TABLE resource (something_else integer)")
    with pytest.raises(migrate.DatabaseForeign, match="did not make"):
        migrate.upgrade(empty_url)
    with pytest.raises(migrate.DatabaseForeign):
        migrate.require_current(empty_url)
    execute(empty_url, "INSERT INTO resource (something_else) VALUES (1)")


def test_a_migration_that_is_ended_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(first_authorization, "create", ended)
        with pytest.raises(KeyboardInterrupt):
            migrate.upgrade(empty_url)
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == migrate.head()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///", "sqlite:///:memory:", "hub.db", ""])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(UnknownDatabase, match="use sqlite:///PATH"):
        migrate.upgrade(url)


def test_the_text_of_an_error_names_no_password() -> None:
    with pytest.raises(UnknownDatabase) as refused:
        sqlite_path("mysql://user:secret@host/name")
    assert "secret" not in str(refused.value)
