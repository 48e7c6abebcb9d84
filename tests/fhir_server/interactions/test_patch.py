"""What a patch does when others write at the same moment, and that no federated type is patched into the store."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opened import attempt

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import Conflict, Malformed, NotAllowed, PreconditionFailed
from fhir_server.interactions.call import Call
from fhir_server.interactions.patch import patch
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model.json import read, write

FEDERATED = sorted(name for name, entry in load().types.items() if entry.home == "federated")
TEAM = {"resourceType": "Organization", "id": "x", "name": "Een", "alias": ["a"]}


class Matching:
    """The header If-Match."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def get(self, name: str, /) -> str:
        return self._tag if name == "if-match" else ""

    def __contains__(self, name: str, /) -> bool:
        return name == "if-match"


class Overtaken:
    """A repository in which somebody else stores another alias each time, just before a patch would be stored."""

    def __init__(self, services: Services, times: int) -> None:
        self._services = services
        self._left = times

    async def commit(self, *given: Any) -> None:
        if self._left:
            self._left -= 1
            other = {**TEAM, "alias": [f"other-{self._left}"]}
            await update(replace_body(call(self._services, "Organization", "update"), other))
        await self._services.repository.commit(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services.repository, name)


def call(services: Services, type_: str, interaction: str) -> Call:
    return Call(services, local_system(), interaction, services.catalog.types[type_], id="x", body=b'{"name":"Twee"}', now=1)


def replace_body(given: Call, resource: dict[str, Any]) -> Call:
    given.body = write(resource)
    return given


async def stored(services: Services) -> tuple[int, dict[str, Any]]:
    found = await services.repository.read(services.gate.grant(local_system(), "read", "Organization"), "Organization", "x")
    assert found
    return found.version, read(found.body).resource


async def overtaken(services: Services, times: int, **more: Any) -> None:
    await update(replace_body(call(services, "Organization", "update"), TEAM))
    busy = replace(services, repository=Overtaken(services, times))  # type: ignore[arg-type] # stands in for a repository
    wanted = call(busy, "Organization", "patch")
    wanted.headers = more.get("headers", wanted.headers)
    await patch(wanted)


def test_a_patch_is_applied_again_to_what_somebody_else_stored(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        await overtaken(services, 4)
        version, resource = await stored(services)
        assert (version, resource["name"], resource["alias"]) == (6, "Twee", ["other-0"])

    attempt(tmp_path, act)


def test_who_is_overtaken_each_time_gets_a_conflict(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        with pytest.raises(Conflict):
            await overtaken(services, 10)
        assert (await stored(services))[1]["name"] == "Een"

    attempt(tmp_path, act)


def test_with_if_match_it_is_not_applied_again(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        with pytest.raises(PreconditionFailed):
            await overtaken(services, 1, headers=Matching('W/"1"'))
        assert (await stored(services))[1]["name"] == "Een"

    attempt(tmp_path, act)


def test_a_patch_that_is_no_json_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        broken = call(services, "Organization", "patch")
        broken.body = b"{"
        with pytest.raises(Malformed):
            await patch(broken)

    attempt(tmp_path, act)


def test_no_federated_type_is_patched(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        for type_ in FEDERATED:
            with pytest.raises(NotAllowed):
                await patch(call(services, type_, "patch"))

    attempt(tmp_path, act)
    with sqlite3.connect(tmp_path / "data" / "hub.db") as database:
        assert database.execute("SELECT count(*) FROM resource").fetchone() == (0,)
