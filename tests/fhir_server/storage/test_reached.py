"""A page of all dossiers of somebody: which way is tried, which is left, and that each of them gives the same pages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from invented import Run, Thing, created, grant, put

from fhir_server.search.tree import And, Date, Dossier, MemberOf, Node, Or, Query, Snapshot, Sort, Token
from fhir_server.storage import compile as text
from fhir_server.storage import reached
from fhir_server.storage.dialect import POSTGRES, SQLITE
from fhir_server.storage.repository import Grant, Membership, Repository

ALL, EACH = 60, 3
MINE = MemberOf(("Practitioner/p",), 50)
COMPLETED = Token("status", "a")
BOUNDS = {"gather": (1000, 0), "walk": (0, 1000), "all": (0, 0)}


def things() -> list[Thing]:
    """Return the resources of as many dossiers as ``ALL``; Practitioner/p is in every one but each third."""
    return [
        Thing(
            f"t{number:03}",
            sort=number // 4,
            updated=1000 * (number * 7 % (ALL * EACH)),
            dossier=f"Patient/{number % ALL}",
            tokens=(("status", "ab"[number % 2], ""),),
            dates=(("sent", number // 4, number // 4 + 1),),
        )
        for number in range(ALL * EACH)
    ]


async def stored(repository: Repository) -> None:
    members = [Membership("Practitioner/p", f"Patient/{number}", 0, 100) for number in range(ALL) if number % 3]
    await repository.commit([grant("CareTeam")], [created(Thing("team", "CareTeam"), members)], ())
    await put(repository, *things())


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which the plan of each page will stand."""
    plans: list[str] = []
    plain = reached.page

    def page(dialect: Any, search: text.Search, plan: reached.Plan) -> Any:
        plans.append(plan)
        return plain(dialect, search, plan)

    monkeypatch.setattr(reached, "page", page)
    return plans


def bound(monkeypatch: pytest.MonkeyPatch, looked: int, walked: int) -> None:
    monkeypatch.setattr(text, "MOST_LOOKED", (looked, looked))
    monkeypatch.setattr(text, "MOST_WALKED", walked)


async def pages(repository: Repository, where: Node, query: Query) -> list[str]:
    found: list[str] = []
    while True:
        page = await repository.search(grant(where=where), query)
        found += [one.id for one in page.resources]
        if not page.more:
            return found
        query = replace(query, after=page.resources[-1].cursor)


def expected(where: Sequence[Thing], sort: Sort) -> list[str]:
    by = (lambda one: one.updated) if sort.by == "_lastUpdated" else (lambda one: one.sort)
    return [one.id for one in sorted(where, key=lambda one: (by(one), one.id), reverse=sort.descending)]


def mine(one: Thing) -> bool:
    return int(one.dossier.removeprefix("Patient/")) % 3 > 0


@pytest.mark.parametrize("plan", BOUNDS)
def test_every_way_leads_to_the_same_pages(run: Run, monkeypatch: pytest.MonkeyPatch, plan: str) -> None:
    bound(monkeypatch, *BOUNDS[plan])
    granted: list[tuple[Node, Any]] = [
        (MINE, mine),
        (
            Or((And((MINE, COMPLETED)), Dossier(("Patient/0",)))),
            lambda one: (mine(one) and one.tokens[0][1] == "a") or one.dossier == "Patient/0",
        ),
    ]
    queries: list[tuple[Node, Any]] = [
        (COMPLETED, lambda one: one.tokens[0][1] == "a"),
        (And((Or((COMPLETED, Token("status", "b"))), Date("sent", "ge", 20, 21, True, True))), lambda one: one.sort >= 20),
    ]

    async def body(repository: Repository) -> None:
        await stored(repository)
        for sort in (Sort(by, descending) for by in ("main", "_lastUpdated") for descending in (True, False)):
            for where, visible in granted:
                for node, matching in queries:
                    there = [one for one in things() if visible(one) and matching(one)]
                    assert await pages(repository, where, Query("Task", node, sort, 7)) == expected(there, sort)

    run(body)


def test_who_has_many_is_remembered_until_a_walk_ends_too_early(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch, 10, 40)

    async def body(repository: Repository) -> None:
        await stored(repository)
        plans = watched(monkeypatch)

        async def asked(where: Node, query: Query) -> tuple[list[str], int]:
            plans.clear()
            page = await repository.search(grant(where=where), query)
            return [*plans], len(page.resources)

        assert await asked(MINE, Query("Task", count=5)) == (["gather", "walk"], 5)
        assert await asked(MINE, Query("Task", count=5)) == (["walk"], 5)
        assert await asked(And((MINE, Token("status", "c"))), Query("Task", count=5)) == (["walk"], 0)
        assert await asked(And((MINE, Date("x", "eq", 1, 2))), Query("Task", count=5)) == (["walk", "all"], 0)
        assert await asked(Dossier(("Patient/1",)), Query("Task", count=5)) == (["gather"], 3)
        assert await asked(And((Dossier(("Patient/1",)), Date("x", "eq", 1, 2))), Query("Task", count=5)) == (["gather"], 0)

    run(body)


def test_a_first_page_tells_how_many_there_are_where_these_are_few(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Query("Task", count=5, snapshot=Snapshot(0))
    few = And((MINE, Date("sent", "lt", 9, 10, True, True)))
    number = sum(mine(one) and one.sort < 9 for one in things())

    async def body(repository: Repository) -> None:
        await stored(repository)
        for plan in ("gather", "walk"):
            bound(monkeypatch, *BOUNDS[plan])
            for where, total, many in ((few, number, False), (MINE, None, True)):
                page = await repository.search(grant(where=where), first)
                assert (page.total, page.many, bool(page.seen)) == (total, many, True)
                page = await repository.search(grant(where=where), replace(first, counted=False))
                assert (page.total, page.many, bool(page.seen)) == (None, None, True)

    run(body)


def test_nothing_is_counted_for_who_wants_no_number() -> None:
    for where in (MINE, COMPLETED):
        search, _ = text.search_values(Grant("a", "Task", where), Query("Task", snapshot=Snapshot(0), counted=False))
        for dialect in (SQLITE, POSTGRES):
            sql = (
                text.page(dialect, search).sql + reached.page(dialect, search, "all").sql
                if where is MINE
                else text.page(dialect, search).sql
            )
            assert "count(*)" not in sql
