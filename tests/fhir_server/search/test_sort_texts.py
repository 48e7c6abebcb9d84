"""The texts by which tokens, references and uris are sorted."""

from typing import Any

import pytest

from fhir_server.search.rows import START, OrderRow, TextRow, key
from fhir_server.search.sort_texts import orders, sort_text

BASE = "https://hub.example/fhir"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Active", ["active"]),
        (True, ["true"]),
        (False, ["false"]),
        ({"system": "http://s.example", "code": "B-1", "display": "Bee"}, ["b-1"]),
        ({"coding": [{"code": "b"}, {"display": "none"}, {"code": "a"}], "text": "c"}, ["b", "a"]),
        ({"text": "  Only\u00a0T\u00e9xt "}, ["only text"]),
        ({"system": "http://s.example", "value": "12"}, ["12"]),
        ({"system": "phone", "value": "06"}, ["06"]),
        ({"reference": f"{BASE}/Patient/P/_history/3", "display": "x"}, ["patient/p"]),
        ({"identifier": {"value": "77"}}, ["77"]),
        ({"display": "x"}, []),
        ("x" * 100, ["x" * START]),
    ],
)
def test_every_kind_of_value_has_its_text(value: Any, expected: list[str]) -> None:
    found: list[TextRow] = []
    sort_text(found, "Task\x1fstatus\x1f", value, BASE)
    assert [*orders(found, {})] == [OrderRow(key("Task", "status", "sort"), text) for text in expected]


def test_a_string_is_sorted_by_under_a_key_of_its_own() -> None:
    texts = [TextRow(1, "anna\0" + "a" * 100, "Anna"), TextRow(2, "b", "B"), TextRow(3, "c", "")]
    assert [*orders(texts, {1: 11})] == [OrderRow(11, "anna\ufffd" + "a" * (START - 5)), OrderRow(3, "c")]
