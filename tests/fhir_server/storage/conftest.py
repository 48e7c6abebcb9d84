"""What the tests of the store share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer, migrated
from invented import Run

from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Repository


@pytest.fixture
def run(database_url: str) -> Run:
    """Return a function that runs an async test on an opened repository, on both engines in turn."""

    def on_repository(body: Callable[[Repository], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            repository = await open_repository(database_url)
            try:
                return await body(repository)
            finally:
                await repository.close()

        return asyncio.run(opened())

    return on_repository


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> Iterator[list[str]]:
    """The URLs of two empty databases on the ``engine`` that the test names, to be compared."""
    if engine == "sqlite":
        yield [f"sqlite:///{migrated(tmp_path / f'{name}.db')}" for name in "ab"]
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    names = ["pair_a", "pair_b"]
    yield [server.create(name, "template_hub") for name in names]
    for name in names:
        server.drop(name)
