"""Fixtures for the tests of search."""

import pytest

from fhir_server.catalog.catalog import Catalog, load


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()
