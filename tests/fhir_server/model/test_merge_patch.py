"""JSON Merge Patch: the table of RFC 7396 with names of our own, and what holds for any patch."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.patch.merge_patch import merge


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"x": "one"}, {"x": "two"}, {"x": "two"}),
        ({"x": "one"}, {"y": "two"}, {"x": "one", "y": "two"}),
        ({"x": "one"}, {"x": None}, {}),
        ({"x": "one", "y": "two"}, {"x": None}, {"y": "two"}),
        ({"x": ["one"]}, {"x": "two"}, {"x": "two"}),
        ({"x": "two"}, {"x": ["one"]}, {"x": ["one"]}),
        ({"x": {"y": "one"}}, {"x": {"y": "two", "z": None}}, {"x": {"y": "two"}}),
        ({"x": [{"y": "one"}]}, {"x": [1]}, {"x": [1]}),
        (["x", "y"], ["z", "w"], ["z", "w"]),
        ({"x": "one"}, ["z"], ["z"]),
        ({"x": "one"}, None, None),
        ({"x": "one"}, "two", "two"),
        ({"e": None}, {"x": 1}, {"e": None, "x": 1}),
        ([1, 2], {"x": "one", "z": None}, {"x": "one"}),
        ({}, {"x": {"yy": {"zzz": None}}}, {"x": {"yy": {}}}),
        ({"x": ["a"]}, {"x": [None, "b"]}, {"x": [None, "b"]}),
    ],
)
def test_what_a_merge_makes(document: Any, patch: Any, expected: Any) -> None:
    before, sent = deepcopy(document), deepcopy(patch)
    assert merge(patch, document) == expected
    assert (document, patch) == (before, sent)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_merging_twice_is_merging_once(patch: Any, document: Any) -> None:
    before = deepcopy(document)
    once = merge(patch, document)
    assert merge(patch, once) == once
    assert document == before


@given(st.dictionaries(st.text("ab", max_size=2), values, max_size=3))
def test_an_empty_patch_changes_nothing(document: dict[str, Any]) -> None:
    assert merge({}, document) == document
