from dataclasses import replace

import pytest
from invented import Run, Thing, deleted, grant, put

from fhir_server.search.tree import Cursor, Everything, MemberOf, Node, Or, Query, ReferenceTo, Sort, Text, Token
from fhir_server.storage.repository import Repository

THINGS = [
    Thing(
        f"t{number:02}",
        sort=number // 7,
        updated=number // 5 * 1000,
        dossier="Patient/1",
        tokens=(("status", "ab"[number % 2], ""),),
        references=(("subject", "Patient/1"),),
        texts=(("name", "jan", "Jan"),),
    )
    for number in range(45)
]
ALL: list[Node] = [
    Everything(),
    ReferenceTo("subject", "Patient/1"),
    Text("name", "j"),
    Or((Token("status", "a"), Token("status", "b"))),
    Or((Token("status", "a", ""), MemberOf(("Practitioner/x",), 1), Text("name", "Jan", "exact"))),
]


@pytest.mark.parametrize("where", ALL, ids=lambda node: type(node).__name__)
def test_pages_are_complete_and_in_order_over_ties(run: Run, where: Node) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *THINGS)
        for sort in (Sort(by, descending) for by in ("main", "_lastUpdated") for descending in (True, False)):
            query, found, sizes = Query("Task", where, sort, 4), [], []
            while True:
                page = await repository.search(grant(), query)
                found += [one.id for one in page.resources]
                sizes.append(len(page.resources))
                if not page.more:
                    break
                last = page.resources[-1]
                query = replace(query, after=Cursor(last.sort, last.row))
            expected = [thing.id for thing in THINGS]
            assert found == (expected[::-1] if sort.descending else expected)
            assert sizes == [4] * 11 + [1]

    run(body)


def test_a_full_last_page_says_that_nothing_follows(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *THINGS[:8])
        page = await repository.search(grant(), Query("Task", count=8))
        assert (len(page.resources), page.more) == (8, False)

    run(body)


def test_the_next_page_stays_where_it_was_under_writes(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, *THINGS[:20])
        first = await repository.search(grant(), Query("Task", count=5))
        await put(repository, Thing("newest", sort=99))
        await repository.commit([grant()], [deleted(THINGS[18])], ())
        last = first.resources[-1]
        second = await repository.search(grant(), Query("Task", count=5, after=Cursor(last.sort, last.row)))
        assert [one.id for one in first.resources] == ["t19", "t18", "t17", "t16", "t15"]
        assert [one.id for one in second.resources] == ["t14", "t13", "t12", "t11", "t10"]

    run(body)
