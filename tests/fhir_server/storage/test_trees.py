"""Random trees over random rows: both engines give the answer of a naive evaluation in memory."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import Thing, created, deleted, grant, put, updated
from random_trees import Case, Naive, cases

from fhir_server.search.tree import Node, Query, Snapshot, Sort
from fhir_server.storage import compile as text
from fhir_server.storage import migrate
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Repository

EXAMPLES = examples(20)
MUCH = 10**9
BOUNDS = ((MUCH, MUCH), (0, MUCH), (0, 0), (2, 3), (MUCH, 2))
"""In how many memberships is looked, and over how many rows is walked: all by gathering, by walking, by neither, by both."""


async def pages(repository: Repository, node: Node, where: Node, sort: Sort, size: int) -> list[str]:
    found: list[str] = []
    query = Query("Task", node, sort, size)
    while True:
        page = await repository.search(grant(where=where), query)
        found += [stored.id for stored in page.resources]
        if not page.more:
            return found
        assert len(page.resources) == size
        query = replace(query, after=page.resources[-1].cursor)


async def answers(repository: Repository, case: Case) -> list[Any]:
    await repository.commit([grant("CareTeam")], [created(Thing("team", "CareTeam"), case.members)], ())
    for thing in case.made:
        await put(repository, thing)
    await rewrite(repository, case)
    references = [f"Task/{thing.id}" for thing in case.made]
    return [
        (
            await pages(repository, node, where, sort, size),
            await repository.count(grant(where=where), Query("Task", node, sort)),
            await told(repository, where, Query("Task", node, sort, size, snapshot=Snapshot(0))),
            [(await repository.read(grant(where=where), "Task", thing.id)).visible for thing in case.made],
            [one.id for one in await repository.fetch([grant(where=where)], references)],
        )
        for node, where, sort, size in case.queries
    ]


async def told(repository: Repository, where: Node, query: Query) -> tuple[int | None, bool | None]:
    page = await repository.search(grant(where=where), query)
    return page.total, page.many


async def rewrite(repository: Repository, case: Case) -> None:
    for number, old in enumerate(case.made):
        new = case.changed.get(number, old)
        if new is not old:
            await repository.commit([grant()], [updated(old, new)], ())
        if number in case.gone:
            await repository.commit([grant()], [deleted(new, 1 if new is old else 2)], ())


def test_both_engines_answer_like_the_naive_evaluation(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("trees", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(cases(), st.sampled_from(BOUNDS))
        def check(case: Case, most: tuple[int, int]) -> None:
            monkeypatch.setattr(text, "MOST_LOOKED", (most[0], most[0]))
            monkeypatch.setattr(text, "MOST_WALKED", most[1])
            empty(sqlite, postgres)
            for repository in repositories:
                compare(runner.run(answers(repository, case)), case)

        check()
        for repository in repositories:
            runner.run(repository.close())
    postgres_server.drop("trees")


def compare(given_answers: list[Any], case: Case) -> None:
    now = [case.changed.get(number, thing) for number, thing in enumerate(case.made)]
    left = [thing for number, thing in enumerate(now) if number not in case.gone]
    naive = Naive(left, case.members)
    for (node, where, sort, _), (found, total, number, visible, fetched) in zip(case.queries, given_answers, strict=True):
        expected = naive.found(node, where, sort)
        seen = [thing.id for thing in left if naive.holds(where, thing)]
        assert found == expected
        assert total == len(expected)
        assert number in {(total, False), (None, None), (None, False)}
        assert [thing.id for thing, flag in zip(now, visible, strict=True) if flag and thing in left] == seen
        assert fetched == seen
