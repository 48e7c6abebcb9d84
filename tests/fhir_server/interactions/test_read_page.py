"""Pages under writes: what existed, matched and was permitted throughout appears once, in its place, whatever happens meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import load
from fhir_server.errors import Gone
from fhir_server.interactions.call import Call
from fhir_server.interactions.read_page import Read, read_page
from fhir_server.search.extract import extract
from fhir_server.search.match import matches
from fhir_server.search.order import order
from fhir_server.search.paging import Position
from fhir_server.search.sorting import sort as sorting
from fhir_server.search.tree import Everything, LastUpdated, Node, Not, Or, Query, Text, Token
from fhir_server.search.values import written
from fhir_server.storage import migrate
from fhir_server.storage.engines import reads
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Change, Grant, Repository

EXAMPLES = examples(20)
FORM = load().types["Questionnaire"]
START = 1_780_000_000_000_000
SECOND = 1_000_000
MINE = Text("publisher", "mine")
Json = dict[str, Any]

SORTS = [
    *("date", "-date", "_lastUpdated", "-_lastUpdated", "_id", "-_id", "effective", "-effective", "title", "-title"),
    *("status", "-status", "url", "-url", "status,-date", "-title,effective", "-status,title,-_lastUpdated", "identifier,-_id"),
]
WHERES: list[Node] = [
    Everything(),
    Not(Token("status", "retired", "")),
    Token("status", "active", ""),
    Or((Token("status", "active", ""), Token("status", "draft", ""))),
    Text("title", "a"),
    LastUpdated("ge", START - 10**10, START - 10**10 + 1),
]
GRANTS: list[Node] = [Everything(), MINE, Not(Text("publisher", "theirs"))]

forms = st.builds(
    lambda **given: {name: value for name, value in given.items() if value is not None},
    status=st.sampled_from(["draft", "active", "retired"]),
    publisher=st.sampled_from(["Mine", "Mine", "Theirs"]),
    title=st.sampled_from([None, "a", "A\u00e4", "b" * 70, "b" * 70 + "c", "\U0010ffff"]),
    date=st.sampled_from([None, "2026-01-01", "2026-01-02", "2026"]),
    url=st.sampled_from([None, "http://a.example", "http://b.example"]),
    identifier=st.sampled_from([None, [{"value": "2"}], [{"value": "1"}, {"value": "3"}]]),
    effectivePeriod=st.sampled_from([None, {"start": "2026-01-01"}, {"end": "2026-01-01"}, {"start": "2025-01-01"}]),
)


@dataclass
class Store:
    """A repository, and what was written to it."""

    repository: Repository
    base: str = ""
    now: int = START
    current: dict[str, Json | None] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def call(self) -> Call:
        services: Any = SimpleNamespace(
            repository=self.repository, base=self.base, catalog=SimpleNamespace(types={FORM.name: FORM})
        )
        return Call(services, local_system(), "search-type", FORM, now=self.now)

    async def write(self, id_: str, content: Json | None, back: int = 0) -> None:
        """Store the next version, or None to delete; ``back`` is by how much its time lags behind."""
        self.now += SECOND
        before, expected, at = self.current.get(id_), self.versions.get(id_, 0), self.now - back
        if content is None and before is None:
            return
        known = None if before is None else extract(before, FORM)
        resource = content and {"resourceType": "Questionnaire", "id": id_, "meta": {"lastUpdated": written(at)}, **content}
        body = orjson.dumps(resource) if resource else b""
        change = Change("Questionnaire", id_, expected, at, body, extract(resource, FORM) if resource else None, known)
        await self.repository.commit([Grant("a", "Questionnaire", Everything())], [change], ())
        self.current[id_], self.versions[id_] = resource, expected + 1

    def holds(self, id_: str, *nodes: Node) -> bool:
        resource = self.current.get(id_)
        return resource is not None and all(matches(node, resource, FORM) for node in nodes)


@dataclass
class Case:
    """What is stored at first, and what is written between the pages of one search."""

    made: list[tuple[Json, int]]
    between: list[list[tuple[int, Json | None, int]]]
    sort: str
    where: Node
    grant: Node
    size: int


lags = st.sampled_from([0, 0, 0, 30 * SECOND, 10_000 * SECOND])
cases = st.builds(
    Case,
    made=st.lists(st.tuples(forms, lags), max_size=9),
    between=st.lists(
        st.lists(st.tuples(st.integers(0, 11), forms | st.none(), st.sampled_from([0, 0, 30 * SECOND])), max_size=5), max_size=8
    ),
    sort=st.sampled_from(SORTS),
    where=st.sampled_from(WHERES),
    grant=st.sampled_from(GRANTS),
    size=st.integers(1, 4),
)


async def play(store: Store, case: Case) -> None:
    for number, (content, back) in enumerate(case.made):
        await store.write(f"q{number}", content, back)
    sort, grant = sorting(FORM, case.sort), Grant("a", "Questionnaire", case.grant)
    query, nodes = Query("Questionnaire", case.where, sort, case.size), (case.where, case.grant)
    first = [resource for resource in store.current.values() if resource]
    throughout = {resource["id"] for resource in first if store.holds(resource["id"], *nodes)}
    found: list[str] = []
    position: Position | None = None
    for writes in [*case.between, *[[]] * 20]:
        page = await read_page(store.call(), grant, query, position)
        for stored in page.resources:
            assert store.holds(stored.id, *nodes)
            assert orjson.loads(stored.body) == store.current[stored.id]
            found.append(stored.id)
        assert len(page.resources) <= case.size
        if page.end is None:
            break
        position = Position("", (), page.end, page.snapshot)
        for number, content, back in writes:
            await store.write(f"q{number}", content, back)
            throughout = {id_ for id_ in throughout if store.holds(id_, *nodes)}
    assert page.end is None
    assert len(found) == len(set(found))
    assert set(found) <= {resource["id"] for resource in first}
    expected = [resource["id"] for resource in order(first, sort, FORM)]
    assert [id_ for id_ in found if id_ in throughout] == [id_ for id_ in expected if id_ in throughout]


def test_pages_are_stable_whatever_is_written_between_them(postgres_server: PostgresServer, tmp_path: Path) -> None:
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("stable", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(cases)
        def check(case: Case) -> None:
            empty(sqlite, postgres)
            repositories[0]._fast._old = 0.0  # type: ignore[attr-defined] # what others write to a SQLite file is seen a moment later
            for repository in repositories:
                runner.run(play(Store(repository), case))

        check()
        for repository in repositories:
            runner.run(repository.close())
    postgres_server.drop("stable")


async def every_page(store: Store, sort: str, size: int, between: Any = None) -> list[str]:
    query, grant = Query("Questionnaire", Everything(), sorting(FORM, sort), size), Grant("a", "Questionnaire", Everything())
    found: list[str] = []
    position: Position | None = None
    for _ in range(100):
        page: Read = await read_page(store.call(), grant, query, position)
        found += [stored.id for stored in page.resources]
        if page.end is None:
            return found
        position = Position("", (), page.end, page.snapshot)
        await (between() if between is not None else asyncio.sleep(0.005))
    raise AssertionError("the pages do not end")


def on_store(url: str, body: Any) -> None:
    async def opened() -> None:
        repository = await open_repository(url)
        try:
            await body(Store(repository))
        finally:
            await repository.close()

    asyncio.run(opened())


@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated", "-title"])
def test_pages_are_stable_while_others_write(database_url: str, sort: str) -> None:
    async def body(store: Store) -> None:
        random, fresh = Random(7), count()
        ids = [f"q{number:02}" for number in range(48)]
        for id_ in ids:
            await store.write(id_, {"status": "active", "title": f"t{random.randrange(9)}"})
        done = asyncio.Event()

        async def writer(mine: Sequence[str]) -> None:
            while not done.is_set():
                await store.write(random.choice(mine), {"status": "active", "title": f"t{random.randrange(9)}"})
                await store.write(f"new{next(fresh)}", {"status": "active", "title": "t5"})

        writers = [asyncio.create_task(writer(ids[start::4])) for start in range(4)]
        await asyncio.sleep(0.02)
        before = set(store.current)
        try:
            found = await every_page(store, sort, 5)
        finally:
            done.set()
            await asyncio.gather(*writers)
        assert len(found) == len(set(found))
        assert before <= set(found)
        assert set(store.current) - set(found)

    on_store(database_url, body)


def test_a_resource_moves_back_and_forth_and_stays_where_it_was(database_url: str) -> None:
    async def body(store: Store) -> None:
        for number in range(9):
            await store.write(f"q{number}", {"status": "active", "title": f"t{number}"})
        turn = count()

        async def between() -> None:
            for number in range(9):
                await store.write(f"q{number}", {"status": "active", "title": f"t{(number * 7 + next(turn)) % 9}"})

        assert await every_page(store, "title", 2, between) == [f"q{number}" for number in range(9)]

    on_store(database_url, body)


def test_too_much_change_ends_the_paging(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST_MOVED", 3)

    async def body(store: Store) -> None:
        for number in range(6):
            await store.write(f"q{number}", {"status": "active"})

        async def some() -> None:
            for number in range(3):
                await store.write(f"q{number}", {"status": "draft"})

        async def more() -> None:
            await some()
            await store.write("q3", {"status": "draft"})

        assert sorted(await every_page(store, "-title", 4, some)) == [f"q{number}" for number in range(6)]
        with pytest.raises(Gone, match="start the search again"):
            await every_page(store, "-title", 4, more)

    on_store(database_url, body)
