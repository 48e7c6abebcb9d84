"""Searches that were read lately."""

import pytest

from fhir_server.errors import BadRequest
from fhir_server.interactions.parsed import ParsedSearches
from fhir_server.search.search import Search
from fhir_server.search.tree import Query

TYPES: dict[str, str] = {}


def test_a_search_is_read_once_for_each_place_until_the_catalogue_changes() -> None:
    parsed, made = ParsedSearches(), iter([Search(Query("Task")) for _ in range(3)])
    first = parsed.get(TYPES, ("Task", ("status", "x")), lambda: next(made))
    assert parsed.get(TYPES, ("Task", ("status", "x")), lambda: next(made)) is first
    assert parsed.get(TYPES, ("Task", ("status", "y")), lambda: next(made)) is not first
    assert parsed.get(dict(TYPES), ("Task", ("status", "x")), lambda: next(made)) is not first


def test_what_is_refused_is_refused_again() -> None:
    parsed, times = ParsedSearches(), []

    def refuse() -> Search:
        times.append(1)
        raise BadRequest("no", detail="search-value")

    for _ in range(2):
        with pytest.raises(BadRequest):
            parsed.get(TYPES, ("Task",), refuse)
    assert len(times) == 2


def test_what_is_kept_has_a_limit() -> None:
    parsed = ParsedSearches()
    for number in range(5_000):
        parsed.get(TYPES, (number,), lambda: Search(Query("Task")))
    assert len(parsed._kept) <= 2_048
    long = Search(Query("Task"), parameters=(("name", "x" * 3_000),))
    parsed.get(TYPES, ("long",), lambda: long)
    assert ("long",) not in parsed._kept
