"""Many new versions in one commit leave what a first version with the same content does, row for row, on both engines."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson
import pytest
from index_check import select
from invented import Run, Thing, created, grant, put, updated

from benchmarks.network.region import region
from benchmarks.network.scale import of_scale
from fhir_server.bootstrap import preparing_services
from fhir_server.interactions import load
from fhir_server.settings import read_settings
from fhir_server.storage.circle import Circle
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Change, Repository, VersionConflict

_LATER = 2_000_000_000_000_000
_RESOURCE = "row, self, updated, sort, dossier, circle, deleted, type, id, body"
_SAME = {
    "resource": _RESOURCE,
    "idx": "key, sort, row, high",
    "idx_date": "key, row, low, high",
    "idx_text": "key, start, row, mark, rest",
    "idx_order": "row, key, start",
    "membership": "member, dossier, row, starts, ends, through",
    "circle": "circle, member, row, alone, dossier",
    "consent_rule": "dossier, row, place, number, who, effect, consent, recipient, holders, purposes",
}


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[Change], Sequence[Change]]:
    """First versions of all types, and second ones with the content of another one of the type, so that all of it changes."""
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("replaced"))})
    services = preparing_services(replace(settings, referential_integrity="off"), ())
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in region(of_scale(0.0003)):
        found.setdefault(resource["resourceType"], []).append(resource)
    made = [[load.prepare(services, orjson.dumps(each)) for each in some[:9]] for some in found.values()]
    first = [[each.change for each in some if isinstance(each, load.New)] for some in made]
    second = [[_as(*pair) for pair in zip(some, [*some[1:], some[0]], strict=True)] for some in first]
    for some in second:
        some[-2:] = [replace(each, members=(), rules=()) for each in some[-2:]]
    return list(chain(*first)), list(chain(*second))


def _as(old: Change, other: Change) -> Change:
    return replace(other, id=old.id, expected=1, previous=old.indexed, updated=_LATER, requires=())


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_second_version_is_row_for_row_as_a_first_one(
    pair: list[str], changes: tuple[Sequence[Change], Sequence[Change]]
) -> None:
    first, second = changes
    grants = [grant(type_) for type_ in {each.type for each in first}]
    direct = [replace(each, expected=0, previous=None) for each in second]
    for url, commits in zip(pair, ([first, second], [direct]), strict=True):
        asyncio.run(_commit(url, grants, commits))
    for table, columns in _SAME.items():
        replaced, at_once = (sorted(select(url, f"SELECT {columns} FROM {table}"), key=repr) for url in pair)
        assert at_once, table
        assert replaced == at_once, table
    assert {version for (version,) in select(pair[0], "SELECT version FROM resource")} == {2}
    kept = select(pair[0], "SELECT r.type, r.id, h.version FROM history h JOIN resource r ON r.row = h.row ORDER BY h.row")
    assert kept == [(each.type, each.id, 1) for each in first]
    told = select(pair[0], "SELECT type, id, version FROM event ORDER BY number")
    known = {type_ for type_, _, _ in told}
    assert told == [(each.type, each.id, each.expected + 1) for each in (*first, *second) if each.type in known]


async def _commit(url: str, grants: Any, commits: Sequence[Sequence[Change]]) -> None:
    repository = await open_repository(url)
    try:
        for each in commits:
            await repository.commit(grants, each, ())
    finally:
        await repository.close()


def things(count: int, *, status: str = "a") -> list[Thing]:
    texts = (("name", f"naam {status}", "Naam"),)
    return [Thing(f"t{number:02}", tokens=(("code", status, "s"),), texts=texts) for number in range(count)]


def test_one_that_was_overtaken_undoes_them_all_and_is_named(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *things(5))
        old, new = things(5), things(5, status="b")
        await repository.commit([grant()], [updated(old[3], new[3])], ())
        with pytest.raises(VersionConflict) as refused:
            await repository.commit([grant()], [updated(*both) for both in zip(old, new, strict=True)], ())
        assert refused.value.reference == "Task/t03"
        found = await repository.read(grant(), "Task", "t00")
        assert found is not None
        assert found.version == 1

    run(body)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_one_that_comes_twice_is_named(pair: list[str]) -> None:
    old, new = things(5), things(5, status="b")
    changes = [updated(*both) for both in (*zip(old, new, strict=True), (old[2], new[1]))]
    changes[-1] = replace(changes[-1], id="t02")
    with pytest.raises(VersionConflict) as refused:
        asyncio.run(_commit(pair[0], [grant()], [[created(each) for each in old], changes]))
    assert refused.value.reference == "Task/t02"
    assert select(pair[0], "SELECT DISTINCT version FROM resource") == [(1,)]


def test_a_new_one_among_them_that_is_there_already_undoes_them_all(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *things(5))
        changes = [updated(*both) for both in zip(things(4), things(4, status="b"), strict=True)]
        with pytest.raises(VersionConflict) as refused:
            await repository.commit([grant()], [*changes[:2], created(things(5)[4]), *changes[2:]], ())
        assert refused.value.reference == "Task/t04"
        found = await repository.read(grant(), "Task", "t03")
        assert found is not None
        assert found.version == 1

    run(body)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_who_stands_in_a_circle_is_who_the_last_version_says(pair: list[str]) -> None:
    url = pair[0]
    old = [Thing(f"c{number}", dossier="Patient/p") for number in range(3)]
    said = [
        [("Practitioner/a", "Practitioner/b"), ("Practitioner/a",), ("Practitioner/c",)],
        [("Practitioner/b", "Practitioner/d"), (), ("Practitioner/c",)],
    ]
    alone = [((), (), ()), ((), (), ("Practitioner/c",))]
    firsts = [replace(created(each), circle=Circle("", who)) for each, who in zip(old, said[0], strict=True)]
    seconds = [
        replace(updated(each, replace(each, updated=5), 1), circle=Circle("", who, by_oneself), keeps_dossier=not number)
        for number, (each, who, by_oneself) in enumerate(zip(old, said[1], alone[1], strict=True))
    ]
    asyncio.run(_commit(url, [grant()], [firsts, seconds]))
    rows = select(url, "SELECT r.id, c.alone FROM circle c JOIN resource r ON r.row = c.row ORDER BY r.id, c.member")
    assert rows == [("c0", 0), ("c0", 0), ("c2", 1)]
