"""Many resources are stored as one after another would be, on both engines."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.cli.documents import Found
from fhir_server.cli.loading import Loaded, load_all
from fhir_server.errors import Issue
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import read
from fhir_server.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path), "FHIR_SERVER_DATABASE_URL": database_url})


def load(settings: Settings, *resources: dict[str, Any], go_on: bool = False) -> tuple[Loaded, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []

    def refused(place: str, issues: Sequence[Issue]) -> bool:
        told.extend((place, issue.expression) for issue in issues)
        return go_on

    found = [Found(f"file:{number}", json.dumps(each).encode(), 1) for number, each in enumerate(resources, 1)]
    return load_all(settings, found, refused, lambda _: None), told


def stored(settings: Settings, type_: str, id_: str) -> Answer:
    async def ask() -> Answer:
        services = await bootstrap.open_services(settings)
        try:
            call = Call(services, local_system(), "read", services.catalog.types[type_], id=id_, request="r", now=services.clock())
            return await read(call)
        finally:
            await services.repository.close()

    return asyncio.run(ask())


def organization(id_: str, name: str = "A") -> dict[str, Any]:
    return {"resourceType": "Organization", "id": id_, "name": name}


def test_what_is_new_is_stored_what_changed_follows_and_the_rest_stays(settings: Settings) -> None:
    practice = {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "Organization/a"}}
    first, _ = load(settings, organization("a"), organization("b"), practice)
    second, _ = load(settings, organization("a"), organization("b", "B"), practice, organization("c"))
    assert (first.stored, first.unchanged) == (3, 0)
    assert (second.stored, second.unchanged, second.refused) == (2, 2, 0)
    assert [stored(settings, "Organization", each).version for each in "abc"] == [1, 2, 1]
    assert json.loads(stored(settings, "Organization", "b").body)["name"] == "B"


def test_the_same_id_twice_is_two_versions(settings: Settings) -> None:
    done, _ = load(settings, organization("a", "A"), organization("a", "B"), organization("a", "B"))
    assert (done.stored, done.unchanged) == (2, 1)
    assert stored(settings, "Organization", "a").version == 2


def test_the_first_that_is_refused_stops_it_and_is_named(settings: Settings) -> None:
    wrong = {**organization("b"), "colour": "blue"}
    done, told = load(settings, organization("a"), wrong, organization("c"))
    assert (done.stored, told) == (1, [("file:2", "Organization.colour")])


def test_or_it_goes_on_with_the_rest(settings: Settings) -> None:
    wrong = [{**organization("b"), "colour": "blue"}, {"resourceType": "Nonsense"}, {"resourceType": "Condition", "id": "x"}]
    done, told = load(settings, organization("a"), *wrong, organization("c"), go_on=True)
    assert (done.stored, done.refused) == (2, 3)
    assert {place for place, _ in told} == {"file:2", "file:3", "file:4"}


def test_more_than_a_batch_comes_in_order(settings: Settings) -> None:
    done, _ = load(settings, *(organization(f"n{number}") for number in range(700)), organization("n0", "Z"))
    assert (done.stored, done.size) == (701, 701)
    assert stored(settings, "Organization", "n0").version == 2
