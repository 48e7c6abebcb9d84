"""The demo as a real process on each engine, shared by the tests of one run."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from engines import PostgresServer
from flows.client import Demo, demo
from flows.pages import Hub, hub_with_pages

_numbers = count()


@pytest.fixture(scope="session")
def sqlite_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on SQLite until the last test is done."""
    with _demo_on("sqlite", tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_hub(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on PostgreSQL until the last test is done."""
    with _demo_on("postgres", tmp_path_factory, postgres_server) as running:
        yield running


@contextmanager
def _demo_on(engine: str, folders: pytest.TempPathFactory, server: PostgresServer | None = None) -> Iterator[Demo]:
    database = {"FHIR_SERVER_DATABASE_URL": server.create(f"flows_{next(_numbers)}", "template1")} if server else {}
    with demo(folders.mktemp(f"hub-{engine}") / "data", **database) as running:
        yield running


# Not of the session: a fixture with parameters is made anew each time another module begins with the first of them.
@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest) -> Demo:
    """Return the demo that runs on the engine, which all modules share."""
    found: Demo = request.getfixturevalue(f"{request.param}_hub")
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fresh_hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on the engine for one module, which goes through all that is stored or recorded: with others that grows."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    with _demo_on(request.param, tmp_path_factory, server) as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def pages_hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Run a hub with pages of login and consent on the engine, in this process."""
    folder = tmp_path_factory.mktemp(f"pages-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"pages_{next(_numbers)}", "template1")
    with hub_with_pages(folder, database) as running:
        yield running
