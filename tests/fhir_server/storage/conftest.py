"""What the tests of the store share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
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
