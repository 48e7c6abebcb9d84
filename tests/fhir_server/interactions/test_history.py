"""Histories of types that are stored here, and of those that are not; versions that were made at one moment."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from opened import attempt

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import NotAllowed, NotFound
from fhir_server.interactions.call import Call
from fhir_server.interactions.history import of_instance, of_type
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model.json import write
from fhir_server.validation import validate

TYPES = load().types


def call(services: Services, interaction: str, type_: str, id_: str = "", parameters: Any = (), body: Any = None) -> Call:
    content = write(body) if body else b""
    return Call(services, local_system(), interaction, TYPES[type_], id_, parameters=parameters, body=content, now=1_000_000)


async def told(services: Services, type_: str, id_: str = "", count: int = 2) -> list[str]:
    """Return "id/version" of every entry, page by page."""
    found, parameters = [], [("_count", str(count))]
    while parameters:
        handle = of_instance if id_ else of_type
        bundle = orjson.loads((await handle(call(services, "history", type_, id_, parameters))).body)
        assert [issue for issue in validate(bundle) if issue.severity == "error"] == []
        found += [each["fullUrl"].rsplit("/")[-1] + "/" + each["response"]["etag"][3:-1] for each in bundle["entry"]]
        following = [each["url"] for each in bundle["link"] if each["relation"] == "next"]
        parameters = parse_qsl(urlsplit(following[0]).query) if following else []
    return found


def test_versions_of_one_moment_are_told_once_each(tmp_path: Path) -> None:
    async def run(services: Services) -> None:
        for number in range(5):
            for id_ in ("a", "b"):
                place = {"resourceType": "Location", "id": id_, "name": f"Naam {number}"}
                await update(call(services, "update", "Location", id_, body=place))
        assert await told(services, "Location", "a") == [f"a/{number}" for number in (5, 4, 3, 2, 1)]
        for count in (1, 2, 3, 100):
            expected = [f"{id_}/{number}" for id_ in ("b", "a") for number in (5, 4, 3, 2, 1)]
            assert await told(services, "Location", count=count) == expected

    attempt(tmp_path, run)


def test_whatever_is_kept_in_versions_has_a_history(tmp_path: Path) -> None:
    kept = {name for name, entry in TYPES.items() if "vread" in entry.interactions}
    for interaction in ("history-instance", "history-type"):
        assert {name for name, entry in TYPES.items() if interaction in entry.interactions} == kept
    assert not any(TYPES[name].home == "federated" for name in kept)

    async def run(services: Services) -> None:
        for name, entry in TYPES.items():
            with pytest.raises(NotFound if name in kept else NotAllowed):
                await of_instance(call(services, "history-instance", name, "x"))
            if entry.home == "federated":
                with pytest.raises(NotAllowed):
                    await of_type(call(services, "history-type", name))

    attempt(tmp_path, run)
