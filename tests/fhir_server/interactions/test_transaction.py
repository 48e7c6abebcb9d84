"""Transactions against the SQLite store: order, races and grants."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fhir_server import bootstrap
from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Conflict, FhirError
from fhir_server.interactions.bundle import process
from fhir_server.interactions.bundle_identities import Step
from fhir_server.interactions.call import WHOLE_SYSTEM, Call
from fhir_server.interactions.services import Services
from fhir_server.interactions.transaction import ordered
from fhir_server.model.body import Limits
from fhir_server.model.json import Document, read
from fhir_server.search.tree import And, Everything
from fhir_server.settings import read_settings
from fhir_server.storage.repository import Grant, VersionConflict


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Services]]:
    found = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("store") / "data")})
    bootstrap.prepare(found)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(found))
        yield runner, services
        runner.run(services.repository.close())


def call(services: Services, bundle: dict[str, Any]) -> Call:
    body = json.dumps(bundle).encode()
    return Call(services, local_system(), "batch", WHOLE_SYSTEM, body=body, request="q", now=services.clock())


async def sent(services: Services, *entries: dict[str, Any]) -> Any:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    return json.loads((await process(call(services, bundle))).body)


def put(id_: str, name: str) -> dict[str, Any]:
    resource = {"resourceType": "Location", "id": id_, "name": name}
    return {"resource": resource, "request": {"method": "PUT", "url": f"Location/{id_}"}}


@pytest.mark.parametrize("kinds", [("read", "update", "create", "delete"), ("update", "patch", "vread", "create", "update")])
def test_the_order_is_that_of_the_specification_and_else_as_given(
    store: tuple[asyncio.Runner, Services], kinds: Sequence[str]
) -> None:
    one = call(store[1], {})
    steps = [Step(index, replace(one, interaction=kind)) for index, kind in enumerate(kinds)]  # type: ignore[arg-type]
    found = [(each.call.interaction, each.item) for each in ordered(steps)]
    rank = {"delete": 0, "create": 1, "update": 2, "patch": 2, "read": 3, "vread": 3}
    assert found == sorted(((kind, index) for index, kind in enumerate(kinds)), key=lambda each: (rank[each[0]], each[1]))


@pytest.mark.parametrize("kind", ["collection", {"extension": []}, ["batch"], 1])
def test_another_kind_of_bundle_is_refused_whatever_stands_there(store: tuple[asyncio.Runner, Services], kind: object) -> None:
    with pytest.raises(FhirError) as refused:
        store[0].run(process(call(store[1], {"resourceType": "Bundle", "type": kind})))
    assert refused.value.status == 400


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_others_are_served_between_the_entries(store: tuple[asyncio.Runner, Services], kind: str) -> None:
    """A Bundle so large that reading it alone takes milliseconds."""
    entries = [put(f"turn-{number}", "x" * 2_000) for number in range(40)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def body() -> None:
        beside = asyncio.create_task(others())
        await process(call(store[1], {"resourceType": "Bundle", "type": kind, "entry": entries}))
        beside.cancel()

    store[0].run(body())
    assert turns > len(entries)


def test_a_large_bundle_is_read_beside_the_loop(store: tuple[asyncio.Runner, Services], monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def read_(body: bytes, limits: Limits) -> Document:
        threads.append(threading.current_thread().name)
        return read(body, limits)

    monkeypatch.setattr("fhir_server.interactions.bundle.read", read_)
    for size in (1, 60_000):
        store[0].run(sent(store[1], put("beside", "x" * size)))
    assert threads[0] == threading.main_thread().name
    assert threads[1] != threads[0]


class Racing:
    """A store on which somebody else writes first, ``times`` times."""

    def __init__(self, inner: Any, times: int) -> None:
        self.inner, self.left = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def commit(self, grants: Sequence[Grant], *what: Any) -> None:
        if self.left:
            self.left -= 1
            raise VersionConflict("raced")
        await self.inner.commit(grants, *what)


def raced(services: Services, times: int) -> Services:
    return replace(services, repository=Racing(services.repository, times))


def test_a_race_is_run_again_and_given_up_in_the_end(store: tuple[asyncio.Runner, Services]) -> None:
    runner, services = store
    answer = runner.run(sent(raced(services, 4), put("raced", "R")))
    assert answer["entry"][0]["response"]["status"] == "201 Created"
    with pytest.raises(Conflict):
        runner.run(sent(raced(services, 10), put("raced", "S")))


def test_two_transactions_at_once_both_come_through(store: tuple[asyncio.Runner, Services]) -> None:
    runner, services = store

    async def both() -> list[Any]:
        return await asyncio.gather(*(sent(services, put("shared", str(n)), put("other", str(n))) for n in range(4)))

    tags = sorted(answer["entry"][0]["response"]["etag"] for answer in runner.run(both()))
    assert tags == [f'W/"{version}"' for version in range(1, 5)]


def test_grants_of_one_type_are_narrowed_to_what_all_cover(store: tuple[asyncio.Runner, Services]) -> None:
    gate = store[1].gate
    person = Actor(
        reference="Patient/p", role="patient", scopes=parse_scopes("patient/Consent.c user/Consent.u"), people=("Patient/p",)
    )
    grants = [gate.grant(person, interaction, "Consent") for interaction in ("create", "update", "create")]
    (together,) = gate.together(grants)
    assert isinstance(together.where, And)
    assert set(together.where.parts) == {grant.where for grant in grants}
    system = [
        gate.grant(local_system(), interaction, type_) for interaction in ("create", "update") for type_ in ("Task", "Patient")
    ]
    assert [(each.type, each.where) for each in gate.together(system)] == [("Task", Everything()), ("Patient", Everything())]
