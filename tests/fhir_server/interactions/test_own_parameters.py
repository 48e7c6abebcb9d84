"""Own parameters without HTTP: other processes, restarts, a reindex that is killed, and writes while one is under way."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flows import copies
from opened import opened

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.services import Services
from fhir_server.model import json
from fhir_server.settings import Settings, read_settings
from fhir_server.storage.url import sqlite_path

PARAMETER = {
    "resourceType": "SearchParameter",
    "id": "own",
    "url": "https://example.org/fhir/SearchParameter/own",
    "name": "Own",
    "status": "active",
    "description": "A parameter of our own",
    "code": "own",
    "base": ["Patient"],
    "type": "string",
    "expression": "Patient.name.text",
}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return read_settings({"FHIR_SERVER_DATABASE_URL": database_url, "FHIR_SERVER_DATA_DIR": str(tmp_path / "data")})


async def do(
    services: Services, interaction: str, type_: str, id_: str = "", body: Mapping[str, Any] | None = None, **more: Any
) -> Answer:
    call = Call(services, local_system(), interaction, services.catalog.types[type_], id=id_, now=services.clock(), **more)
    call.body = json.write(body) if body else b""
    return await HANDLERS[interaction](call)


async def put(services: Services, resource: Mapping[str, Any]) -> None:
    assert (await do(services, "update", resource["resourceType"], resource["id"], resource)).status in {200, 201}


async def total(services: Services, *parameters: tuple[str, str]) -> int:
    answer = await do(services, "search-type", "Patient", parameters=[*parameters, ("_summary", "count")])
    return int(json.read(answer.body).resource["total"])


async def reindexed(services: Services) -> None:
    services.reindexing.start()
    await services.reindexing.ended()


def patient(number: int, text: str = "Visser") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": f"p{number}", "name": [{"text": f"{text} {number}"}]}


def test_a_restarted_server_knows_its_parameters(settings: Settings) -> None:
    async def first(services: Services) -> None:
        await put(services, patient(1))
        await put(services, PARAMETER)
        await reindexed(services)
        await put(services, PARAMETER | {"expression": "Patient.name.family"})

    async def second(services: Services) -> None:
        assert await total(services, ("own", "visser")) == 1
        await reindexed(services)
        assert await total(services, ("own", "visser")) == 0

    opened(settings, first)
    opened(settings, second)
    assert bootstrap.check_index(settings).equal


def test_new_writes_are_indexed_at_once(settings: Settings) -> None:
    async def act(services: Services) -> None:
        await put(services, patient(1))
        await put(services, PARAMETER)
        await put(services, patient(2))
        await put(services, patient(3))
        await do(services, "delete", "Patient", "p3")
        report = await asyncio.to_thread(bootstrap.check_index, settings)
        assert (report.missing, report.surplus) == ({"idx": 1, "idx_order": 1, "idx_text": 1}, {})
        assert report.examples == ["Patient/p1 idx", "Patient/p1 idx_order", "Patient/p1 idx_text"]

    opened(settings, act)


def test_what_was_stored_and_not_registered_is_registered_at_the_start(settings: Settings) -> None:
    async def first(services: Services) -> None:
        async def nothing(_: object) -> None:
            return

        services.parameters.follow = nothing  # type: ignore[method-assign] - as if the process had ended before
        await put(services, PARAMETER)

    async def second(services: Services) -> None:
        assert [(one.code, one.state) for one in services.catalog.own] == [("own", "building")]

    opened(settings, first)
    opened(settings, second)


def test_another_process_learns_what_one_registered(settings: Settings) -> None:
    if sqlite_path(settings.database):
        pytest.skip("a SQLite file has one owner")

    async def both(one: Services) -> None:
        other = await bootstrap.open_services(settings)
        await put(one, patient(1))
        await put(one, PARAMETER)
        await other.parameters.look()
        await put(other, patient(2))
        await reindexed(one)
        assert await total(one, ("own", "visser")) == 2
        with pytest.raises(BadRequest):
            await total(other, ("own", "visser"))
        await other.parameters.look()
        assert await total(other, ("own", "visser")) == 2
        await other.repository.close()

    opened(settings, both)


def test_writes_during_a_reindex_of_the_server_lose_nothing(settings: Settings) -> None:
    async def act(services: Services) -> None:
        for number in range(120):
            await put(services, patient(number))
        await put(services, PARAMETER)
        services.reindexing.start()

        async def change(number: int) -> None:
            for text in ("Bakker", "Jansen", "Smit"):
                await put(services, patient(number, text))
                await asyncio.sleep(0)

        await asyncio.gather(*(change(number) for number in range(0, 180, 2)))
        await services.reindexing.ended()
        assert await total(services, ("own", "smit")) == 90
        assert await total(services, ("own", "visser")) == 60
        assert await total(services) == 150

    opened(settings, act)
    assert bootstrap.check_index(settings).equal


def test_a_stopped_reindex_is_no_reason_to_wait_and_goes_on_later(settings: Settings) -> None:
    async def first(services: Services) -> None:
        for number in range(120):
            await put(services, patient(number))
        await put(services, PARAMETER)
        services.reindexing.start()
        await services.reindexing.stop()
        assert not services.reindexing.running

    opened(settings, first)
    bootstrap.reindex(settings)

    async def second(services: Services) -> None:
        assert await total(services, ("own", "visser")) == 120

    opened(settings, second)


_UNTIL_KILLED = """
import os, signal
from fhir_server import bootstrap
from fhir_server.settings import read_settings

def progress(phase, done, total):
    if done >= 60:
        print(phase, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

bootstrap.reindex(read_settings(os.environ), progress, 20)
"""


def test_a_reindex_that_is_killed_has_changed_no_answer_and_goes_on(settings: Settings, tmp_path: Path) -> None:
    async def first(services: Services) -> None:
        for number in range(100):
            await put(services, patient(number))
        await put(services, PARAMETER)

    async def between(services: Services) -> None:
        with pytest.raises(BadRequest):
            await total(services, ("own", "visser"))

    async def last(services: Services) -> None:
        assert await total(services, ("own", "visser")) == 100

    opened(settings, first)
    environment = {"FHIR_SERVER_DATABASE_URL": settings.database, "FHIR_SERVER_DATA_DIR": str(settings.data_dir)}
    said = tmp_path / "said"
    assert copies.start([], {**os.environ, **environment}, said, program=_UNTIL_KILLED).wait(60) == -signal.SIGKILL
    assert said.read_text() == "fill\n"
    opened(settings, between)
    seen: list[int] = []
    assert bootstrap.reindex(settings, lambda _phase, done, _total: seen.append(done), 20).resumed
    assert seen[0] == 80
    opened(settings, last)
    assert bootstrap.check_index(settings).equal
