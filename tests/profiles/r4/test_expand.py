from typing import Any

import pytest

from profiles.r4.expand import expand

COLOURS = {
    "content": "complete",
    "concept": [
        {"code": "warm", "concept": [{"code": "red", "concept": [{"code": "crimson"}]}, {"code": "orange"}]},
        {"code": "cold"},
        {"code": "blue", "property": [{"code": "subsumedBy", "valueCode": "cold"}]},
    ],
}
SYSTEMS = {"colours": COLOURS, "partial": {"content": "fragment", "concept": [{"code": "x"}]}}


def codes(include: list[dict[str, Any]], exclude: list[dict[str, Any]] | None = None, **others: Any) -> dict[str, list[str]] | None:
    compose = {"include": include} | ({"exclude": exclude} if exclude else {})
    return expand("it", {"it": {"compose": compose}, **others}, SYSTEMS)


def is_a(top: str, operation: str = "is-a") -> dict[str, Any]:
    return {"system": "colours", "filter": [{"property": "concept", "op": operation, "value": top}]}


def test_a_whole_system() -> None:
    assert codes([{"system": "colours"}]) == {"colours": ["blue", "cold", "crimson", "orange", "red", "warm"]}


def test_listed_codes_need_no_system() -> None:
    assert codes([{"system": "elsewhere", "concept": [{"code": "b"}, {"code": "a"}]}]) == {"elsewhere": ["a", "b"]}


def test_hierarchies_by_nesting_and_by_property() -> None:
    assert codes([is_a("warm")]) == {"colours": ["crimson", "orange", "red", "warm"]}
    assert codes([is_a("warm", "descendent-of")]) == {"colours": ["crimson", "orange", "red"]}
    assert codes([is_a("cold")]) == {"colours": ["blue", "cold"]}


def test_exclusion_and_intersection() -> None:
    assert codes([is_a("warm")], [is_a("red")]) == {"colours": ["orange", "warm"]}
    other = {"compose": {"include": [is_a("red")]}}
    assert codes([{"system": "colours", "valueSet": ["other|1.0"]}], other=other) == {"colours": ["crimson", "red"]}


@pytest.mark.parametrize(
    "include",
    [
        {"system": "partial"},
        {"system": "nowhere"},
        {"valueSet": ["nowhere"]},
        {"valueSet": ["it"]},
        is_a("warm", "regex"),
        is_a("no-such-code"),
    ],
)
def test_what_cannot_be_known_is_not_guessed(include: dict[str, Any]) -> None:
    assert codes([{"system": "colours"}, include]) is None


def test_a_value_set_without_a_definition() -> None:
    assert expand("it", {"it": {}}, SYSTEMS) is None
    assert expand("other", {}, SYSTEMS) is None
