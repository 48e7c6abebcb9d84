"""The demo as a real process on each engine, shared by the tests of one run."""

from collections.abc import Iterator
from itertools import count

import pytest
from engines import PostgresServer
from flows.client import Demo, demo
from flows.pages import Hub, hub_with_pages

_numbers = count()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on the engine until all tests that use it are done."""
    environment = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        environment["FHIR_SERVER_DATABASE_URL"] = server.create(f"flows_{next(_numbers)}", "template1")
    with demo(tmp_path_factory.mktemp(f"hub-{request.param}") / "data", **environment) as running:
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
