"""What a conditional write does when somebody else writes between matching and writing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opened import attempt

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest, Conflict, NotAllowed, NotFound, PreconditionFailed
from fhir_server.interactions import conditional
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.patch import patch
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model.json import read, write

KEY = (("identifier", "https://example.org/team|1"),)
TEAM = {"resourceType": "Organization", "identifier": [{"system": "https://example.org/team", "value": "1"}], "name": "Een"}
OTHER = {**TEAM, "identifier": [{"system": "https://example.org/team", "value": "2"}]}
Act = Callable[[Call], Awaitable[Answer]]


class IfNoneExist:
    """The header If-None-Exist."""

    def get(self, name: str, /) -> str:
        return "identifier=https://example.org/team|1" if name == "if-none-exist" else ""

    def __contains__(self, name: str, /) -> bool:
        return name == "if-none-exist"


class Overtaken:
    """A repository in which somebody else writes just before a "read" or a "commit", the first ``times`` times."""

    def __init__(self, services: Services, other: Callable[[Services], Awaitable[object]], moment: str, times: int) -> None:
        self._services, self._other, self._moment, self._left = services, other, moment, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._services.repository, name)
        return partial(self._overtaken, found) if name == self._moment and self._left else found

    async def _overtaken(self, found: Callable[..., Awaitable[object]], *given: Any) -> object:
        self._left -= 1
        await self._other(self._services)
        return await found(*given)


def call(services: Services, interaction: str, body: Any = None, id_: str = "", type_: str = "Organization") -> Call:
    content = write(body) if body else b""
    parameters = () if id_ else KEY
    return Call(
        services, local_system(), interaction, services.catalog.types[type_], id_, parameters=parameters, body=content, now=1
    )


async def put(services: Services, resource: Any, id_: str) -> Answer:
    return await update(call(services, "update", {**resource, "id": id_}, id_))


async def overtaken(
    services: Services,
    act: Act,
    body: Any,
    other: Callable[[Services], Awaitable[object]],
    moment: str = "commit",
    times: int = 1,
) -> Answer:
    busy = replace(services, repository=Overtaken(services, other, moment, times))
    wanted = call(busy, act.__name__, body)
    if act is create:
        wanted.headers = IfNoneExist()
    return await act(wanted)


async def stored(services: Services, id_: str) -> tuple[int, str, str]:
    found = await services.repository.read(services.gate.grant(local_system(), "read", "Organization"), "Organization", id_)
    assert found
    resource = read(found.body).resource
    return found.version, resource["identifier"][0]["value"], resource["name"]


@pytest.mark.parametrize("act", [create, update])
def test_what_somebody_else_created_meanwhile_is_taken(tmp_path: Path, act: Act) -> None:
    async def run(services: Services) -> None:
        answer = await overtaken(services, act, {**TEAM, "name": "Twee"}, lambda others: put(others, TEAM, "theirs"))
        assert (answer.status, answer.id, answer.version) == (200, "theirs", 1 if act is create else 2)
        assert await stored(services, "theirs") == ((1, "1", "Een") if act is create else (2, "1", "Twee"))

    attempt(tmp_path, run)


@pytest.mark.parametrize("moment", ["read", "commit"])
def test_what_matches_no_longer_is_not_updated(tmp_path: Path, moment: str) -> None:
    async def run(services: Services) -> None:
        await put(services, TEAM, "known")
        answer = await overtaken(services, update, {**TEAM, "name": "Twee"}, lambda others: put(others, OTHER, "known"), moment)
        assert answer.status == 201
        assert await stored(services, "known") == (2, "2", "Een")
        assert await stored(services, answer.id) == (1, "1", "Twee")

    attempt(tmp_path, run)


@pytest.mark.parametrize("moment", ["read", "commit"])
def test_what_matches_no_longer_is_not_deleted_nor_patched(tmp_path: Path, moment: str) -> None:
    async def run(services: Services) -> None:
        await put(services, TEAM, "known")
        answer = await overtaken(services, delete, None, lambda others: put(others, OTHER, "known"), moment)
        assert (answer.status, answer.id) == (204, "")
        assert await stored(services, "known") == (2, "2", "Een")
        await put(services, TEAM, "known")
        with pytest.raises(NotFound):
            await overtaken(services, patch, {"name": "Twee"}, lambda others: put(others, OTHER, "known"), moment)
        assert await stored(services, "known") == (4, "2", "Een")

    attempt(tmp_path, run)


def test_several_match_since_the_moment_before(tmp_path: Path) -> None:
    async def run(services: Services) -> None:
        async def two(others: Services) -> None:
            await put(others, TEAM, "first")
            await put(others, TEAM, "second")

        for act in (create, update):
            with pytest.raises(PreconditionFailed):
                await overtaken(services, act, TEAM, two)

    attempt(tmp_path, run)


def test_who_is_overtaken_each_time_gets_a_conflict(tmp_path: Path) -> None:
    async def run(services: Services) -> None:
        turns = iter(range(100))

        async def again(others: Services) -> None:
            await put(others, {**TEAM, "name": f"Naam {next(turns)}"}, "known")

        await put(services, TEAM, "known")
        with pytest.raises(Conflict):
            await overtaken(services, update, {**TEAM, "name": "Twee"}, again, times=99)

    attempt(tmp_path, run)


def test_resolve_finds_none_one_or_refuses(tmp_path: Path) -> None:
    async def run(services: Services) -> None:
        wanted = call(services, "update", TEAM)
        criteria = conditional.of_url(wanted)
        assert await conditional.resolve(wanted, criteria) is None
        await put(services, TEAM, "known")
        found = await conditional.resolve(wanted, criteria)
        assert found
        assert (found.id, found.version) == ("known", 1)
        await put(services, TEAM, "another")
        with pytest.raises(PreconditionFailed):
            await conditional.resolve(wanted, criteria)

    attempt(tmp_path, run)


@pytest.mark.parametrize(
    "parameters",
    [
        (),
        (("_format", "json"),),
        (("_include", "*"),),
        (("_total:x", "none"),),
        (("name", ""),),
        (("_unknown", "x"),),
        (("partof.name", "x"),),
    ],
)
def test_criteria_name_a_resource_and_nothing_else(tmp_path: Path, parameters: Any) -> None:
    async def run(services: Services) -> None:
        wanted = replace(call(services, "delete"), parameters=parameters)
        with pytest.raises(BadRequest):
            conditional.of_url(wanted)

    attempt(tmp_path, run)


def test_no_federated_type_is_written_conditionally(tmp_path: Path) -> None:
    federated = sorted(name for name, entry in load().types.items() if entry.home == "federated")

    async def run(services: Services) -> None:
        for type_ in federated:
            for act in (create, update, patch, delete):
                with pytest.raises(NotAllowed):
                    await act(call(services, act.__name__, {"resourceType": type_}, type_=type_))

    attempt(tmp_path, run)
