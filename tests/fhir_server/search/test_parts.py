"""What resources have in common is made out once, and comes to the same as made out for each."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.network.region import region
from benchmarks.network.scale import of_scale
from fhir_server.catalog.catalog import load
from fhir_server.search.extract import extract
from fhir_server.search.parts import Parts
from fhir_server.search.rows import Indexed

TYPES = load().types
BASE = "http://bench/fhir"


@pytest.fixture(scope="module")
def resources() -> list[dict[str, Any]]:
    updated = {"lastUpdated": "2026-11-22T10:00:00.000Z"}
    return [{**each, "meta": {**each.get("meta", {}), **updated}} for each in region(of_scale(0.0003))]


def content(indexed: Indexed) -> tuple[Any, ...]:
    sets = (frozenset(each) for each in (indexed.rows, indexed.texts, indexed.orders, indexed.tallies))
    return (indexed.sort, indexed.dossier, *sets)


@pytest.mark.parametrize("own", [(), (("id",), ("meta",)), (("id", "owner", "subject"), ("meta", "status"))])
def test_the_index_is_the_same(resources: list[dict[str, Any]], own: tuple[tuple[str, ...], ...]) -> None:
    parts: dict[str, Parts] = {}
    for resource in resources:
        entry = TYPES[resource["resourceType"]]
        for each in (resource, *changed(resource)):
            shared = parts.setdefault(entry.name, Parts(*own))
            assert content(extract(each, entry, BASE, parts=shared)) == content(extract(each, entry, BASE)), entry.name


def changed(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a later version, and one without each of a few elements."""
    yield {**resource, "meta": {**resource["meta"], "lastUpdated": "2026-11-23T10:00:00.000Z"}}
    for name in ("status", "subject", "for", "authoredOn"):
        yield {key: value for key, value in resource.items() if key != name}


def test_a_part_in_common_is_made_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, walked = TYPES["Task"], list[list[str]]()
    parts = Parts(("id", "owner"))
    of = Parts.of

    def counted(self: Parts, resource: Any, sort: int, part: Any) -> Any:
        return of(self, resource, sort, lambda some: (walked.append(sorted(some)), part(some))[1])

    monkeypatch.setattr(Parts, "of", counted)
    for number in range(5):
        task = {
            "resourceType": "Task",
            "id": f"t{number}",
            "status": "requested",
            "intent": "order",
            "authoredOn": "2026-11-22T10:00:00Z",
            "owner": {"reference": f"Practitioner/{number // 2}"},
        }
        extract(task, entry, BASE, parts=parts)
    assert walked.count(["authoredOn", "intent", "resourceType", "status"]) == 1
    assert walked.count(["id", "owner"]) == 5


def test_where_a_parameter_looks_at_the_whole_nothing_is_taken_apart() -> None:
    patient = {"resourceType": "Patient", "id": "p", "deceasedBoolean": True, "active": True}
    found = extract(patient, TYPES["Patient"], BASE, parts=Parts(("active",), ("deceasedBoolean",)))
    assert content(found) == content(extract(patient, TYPES["Patient"], BASE))
