"""The national base profiles, which lie beside the checkout, as a package; and their examples."""

from pathlib import Path

import pytest
from packages import Json, national, resource_in

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.validation.packaged.engine import Profiles


@pytest.fixture(scope="session")
def profiles(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Profiles:
    folder = tmp_path_factory.mktemp("national")
    shelf = Shelf(folder / "packages")
    shelf.add(national(reference, folder))
    return Profiles(Canonicals(shelf.packages()))


@pytest.fixture(scope="session")
def examples(reference: Path) -> dict[str, Json]:
    files = (reference / "nictiz" / "profiles" / "zib2020" / "examples").glob("*.xml")
    return {path.stem: resource_in(path) for path in sorted(files)}
