"""The demo as a real process on each engine, shared by the tests of one run."""

from collections.abc import Iterator
from itertools import count

import pytest
from engines import PostgresServer
from flows.client import Demo, demo
from flows.pages import Hub, hub_with_pages

_numbers = count()


@pytest.fixture(scope="session")
def sqlite_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on SQLite until the last test is done."""
    with demo(tmp_path_factory.mktemp("hub-sqlite") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def postgres_hub(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on PostgreSQL until the last test is done."""
    database = postgres_server.create(f"flows_{next(_numbers)}", "template1")
    with demo(tmp_path_factory.mktemp("hub-postgres") / "data", FHIR_SERVER_DATABASE_URL=database) as running:
        yield running


# Not of the session: a fixture with parameters is made anew each time another module begins with the first of them.
@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest) -> Demo:
    """Return the demo that runs on the engine, which all modules share."""
    found: Demo = request.getfixturevalue(f"{request.param}_hub")
    return found


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
