"""Random resources and queries: both engines and the search in memory find what the words of the specification say."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import grant
from random_conditions import CONDITIONS
from random_resources import RESOURCES
from spoken_search import BASE, Condition, Json

from fhir_server.catalog.catalog import Entry, load
from fhir_server.search.extract import extract
from fhir_server.search.match import matches
from fhir_server.search.parse import parse
from fhir_server.search.tree import Query
from fhir_server.storage import migrate
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Change, Repository

EXAMPLES = examples(25)
RISK = """
[RiskAssessment]
home = "owned"
interactions = ["read", "search-type"]
search = ["probability"]
patient = "subject"
main_date = "_lastUpdated"
audit = "risk"
"""
META = {"lastUpdated": "2026-05-20T08:00:00.000Z"}
Asked = list[list[Condition]]


def case_of(seed: int) -> tuple[str, list[Json], Asked]:
    rng = Random(seed)
    type_ = rng.choice(["Observation"] * 5 + sorted(RESOURCES))
    resources = [RESOURCES[type_](rng) for _ in range(rng.randint(2, 8))]
    asked = [[rng.choice(CONDITIONS[type_])(rng, resources) for _ in range(rng.choice((1, 1, 2)))] for _ in range(20)]
    whole = [{"resourceType": type_, "id": f"r{number}", "meta": META, **one} for number, one in enumerate(resources)]
    return type_, whole, asked


def queries(entry: Entry, asked: Asked) -> list[Query]:
    return [parse(entry, [(one.name, one.value) for one in conditions], base=BASE).query for conditions in asked]


async def found(repository: Repository, entry: Entry, resources: list[Json], asked: list[Query]) -> list[list[str]]:
    changes = [Change(entry.name, one["id"], 0, 1, b"{}", extract(one, entry, BASE), None, ()) for one in resources]
    await repository.commit([grant(entry.name)], changes, ())
    pages = [await repository.search(grant(entry.name), query) for query in asked]
    return [sorted(stored.id for stored in page.resources) for page in pages]


def test_both_engines_and_the_memory_find_what_the_specification_says(postgres_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "risk.toml").write_text(RISK, encoding="utf-8")
    types = {**load().types, **load(tmp_path / "risk.toml").types}
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("queries", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.integers(0, 2**64))
        def check(seed: int) -> None:
            type_, resources, asked = case_of(seed)
            entry, trees = types[type_], queries(types[type_], asked)
            expected: list[Any] = [
                (told(conditions), [one["id"] for one in resources if all(condition.holds(one) for condition in conditions)])
                for conditions in asked
            ]
            held = [[one["id"] for one in resources if matches(query.where, one, entry, BASE)] for query in trees]
            assert list(zip(map(told, asked), held, strict=True)) == expected
            empty(sqlite, postgres)
            for repository in repositories:
                stored = runner.run(found(repository, entry, resources, trees))
                assert list(zip(map(told, asked), stored, strict=True)) == expected

        try:
            check()
        finally:
            for repository in repositories:
                runner.run(repository.close())
    postgres_server.drop("queries")


def told(conditions: list[Condition]) -> str:
    return "&".join(f"{one.name}={one.value}" for one in conditions)
