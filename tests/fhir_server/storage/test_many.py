"""Many new resources in one commit leave what a commit for each of them does, row for row, on both engines."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson
import psycopg
import pytest
from engines import PostgresServer
from index_check import select
from invented import Run, Thing, deleted, grant, put

from benchmarks.network.region import region
from benchmarks.network.scale import of_scale
from fhir_server.bootstrap import preparing_services
from fhir_server.interactions import load
from fhir_server.interactions.services import Services
from fhir_server.settings import read_settings
from fhir_server.storage.engines.postgres_arrays import bigints, blobs, texts
from fhir_server.storage.engines.postgres_session import Session
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex import postgres as postgres_index
from fhir_server.storage.reindex.postgres import PostgresIndex
from fhir_server.storage.repository import Repository, VersionConflict
from fhir_server.storage.schema import metadata

_OF_THE_CHAINS = {"audit_block", "audit_chain", "audit_anchor", "commits"}
_MADE_BY_CHANCE = {"written", "chain", "seq"}
"""Columns that tell which transaction wrote, and where in the record: each session begins a chain of its own."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Services, Sequence[load.New]]:
    """A little of a made-up region, with all that follows from it: teams, consents, conversations."""
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("many"))})
    services = preparing_services(replace(settings, referential_integrity="off"), ())
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in region(of_scale(0.0003)):
        found.setdefault(resource["resourceType"], []).append(resource)
    made = [load.prepare(services, orjson.dumps(each)) for each in chain(*(some[:12] for some in found.values()))]
    return services, [each for each in made if isinstance(each, load.New)]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_together_is_row_for_row_as_one_by_one(pair: list[str], prepared: tuple[Services, Sequence[load.New]]) -> None:
    services, new = prepared
    for url, batches in zip(pair, ([new], [[each] for each in new]), strict=True):
        asyncio.run(_store(services, url, batches))
    for table in (table for table in metadata.sorted_tables if table.name not in _OF_THE_CHAINS):
        columns = ", ".join(column.name for column in table.columns if column.name not in _MADE_BY_CHANCE)
        together, one_by_one = (sorted(select(url, f"SELECT {columns} FROM {table.name}"), key=repr) for url in pair)
        if table.name in _FILLED:
            assert together, table.name
        assert together == one_by_one, table.name


_FILLED = {"resource", "idx", "idx_date", "idx_text", "idx_order", "membership", "circle", "consent_rule", "event", "touched"}


async def _store(services: Services, url: str, batches: Sequence[Sequence[load.New]]) -> None:
    repository = await open_repository(url)
    try:
        for batch in batches:
            assert await load.store_new(replace(services, repository=repository), batch)
        await repository.project_record()
    finally:
        await repository.close()


def things(count: int) -> list[Thing]:
    return [Thing(f"t{number:03}", tokens=(("code", "a", "s"),), texts=(("name", "naam", "Naam"),)) for number in range(count)]


def test_one_that_is_there_already_undoes_them_all_and_is_named(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("t007"))
        with pytest.raises(VersionConflict) as refused:
            await put(repository, *things(20))
        assert refused.value.reference == "Task/t007"
        assert await repository.read(grant(), "Task", "t000") is None

    run(body)


def test_one_that_comes_twice_undoes_them_all_and_is_named(run: Run) -> None:
    async def body(repository: Repository) -> None:
        with pytest.raises(VersionConflict) as refused:
            await put(repository, *things(20), Thing("t003"))
        assert refused.value.reference == "Task/t003"
        assert await repository.read(grant(), "Task", "t000") is None

    run(body)


def test_what_was_deleted_is_no_new_resource(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("t003"))
        await repository.commit([grant()], [deleted(Thing("t003"))], ())
        with pytest.raises(VersionConflict):
            await put(repository, *things(20))

    run(body)


@pytest.mark.parametrize(
    ("type_", "array", "values"),
    [
        ("bigint", bigints, [0, -1, 2**63 - 1, -(2**63), None, 7]),
        ("bigint", bigints, []),
        ("text", texts, ["", "a", "{,}", '"\\', "é\U0001f600", "NULL"]),
        ("bytea", blobs, [b"", b"\0\xff", b"\\x00" * 1000]),
    ],
)
def test_an_array_arrives_as_it_was(postgres_server: PostgresServer, type_: str, array: Any, values: list[Any]) -> None:
    async def ask() -> list[Any]:
        session = await Session.open(postgres_server.url("template_hub"))
        try:
            return [value for (value,) in await session.rows(f"SELECT u FROM unnest($1::{type_}[]) u", (array(values),))]
        finally:
            await session.close()

    assert asyncio.run(ask()) == values


@pytest.mark.parametrize("engine", ["postgresql"])
def test_indexes_are_packed_after_much_was_loaded_and_only_then(
    pair: list[str], monkeypatch: pytest.MonkeyPatch, prepared: tuple[Services, Sequence[load.New]]
) -> None:
    services, new = prepared
    url = pair[0]
    asyncio.run(_store(services, url, [new]))
    index = PostgresIndex(url)
    begun: list[None] = []
    try:
        before = _files(url)
        index.pack(len(new), lambda: begun.append(None))
        assert _files(url) == before, "so few are not worth it"
        monkeypatch.setattr(postgres_index, "_MUCH", 1)
        index.pack(len(new) // 2 - 1, lambda: begun.append(None))
        assert _files(url) == before, "most was there before"
        assert not begun
        index.pack(len(new), lambda: begun.append(None))
        assert len(begun) == 1
        after = _files(url)
        assert not before & after, "each index lies in a new file"
        assert len(after) == len(before)
    finally:
        index.close()


def _files(url: str) -> set[int]:
    tables = "('resource', 'idx', 'idx_date', 'idx_text', 'idx_order', 'membership', 'circle', 'consent_rule')"
    indexes = f"SELECT indexrelid FROM pg_index WHERE indrelid::regclass::text IN {tables}"
    found = f"SELECT relfilenode FROM pg_class WHERE oid IN ({indexes})"
    with psycopg.connect(url) as connection:
        return {number for (number,) in connection.execute(found.encode())}
