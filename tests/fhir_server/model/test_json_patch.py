"""JSON Patch (RFC 6902): the cases of its appendix A with values of our own, the rules of pointers and arrays, and its limits."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.patch.json_patch import MOST_OPERATIONS, apply, operations


def patched(document: Any, *patch: dict[str, Any]) -> Any:
    return apply(operations(list(patch)), document)


def step(op: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


def taken(op: str, source: str, path: str) -> dict[str, Any]:
    return {"op": op, "from": source, "path": path}


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        pytest.param({"a": 1}, [step("add", "/b", 2)], {"a": 1, "b": 2}, id="add a member"),
        pytest.param({"a": [1, 3]}, [step("add", "/a/1", 2)], {"a": [1, 2, 3]}, id="add an element"),
        pytest.param({"a": [1]}, [step("add", "/a/1", 2)], {"a": [1, 2]}, id="add at the end by index"),
        pytest.param({"a": [1]}, [step("add", "/a/-", [2, 3])], {"a": [1, [2, 3]]}, id="append an array as one"),
        pytest.param({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}, id="remove a member"),
        pytest.param({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}, id="remove an element"),
        pytest.param({"a": 1, "b": 2}, [step("replace", "/a", 3)], {"a": 3, "b": 2}, id="replace a value"),
        pytest.param({"a": [1, 2]}, [step("replace", "/a/0", 3)], {"a": [3, 2]}, id="replace an element"),
        pytest.param({"a": {"x": 1, "y": 2}, "b": {}}, [taken("move", "/a/x", "/b/z")], {"a": {"y": 2}, "b": {"z": 1}}, id="move"),
        pytest.param({"a": [1, 2, 3, 4]}, [taken("move", "/a/1", "/a/3")], {"a": [1, 3, 4, 2]}, id="move within an array"),
        pytest.param({"a": 1}, [taken("move", "/a", "/a")], {"a": 1}, id="move to where it is"),
        pytest.param(
            {"a": {"b": 1}}, [taken("copy", "/a", "/c"), step("add", "/c/d", 2)], {"a": {"b": 1}, "c": {"b": 1, "d": 2}}, id="copy"
        ),
        pytest.param(
            {"a": "x", "b": [1, 2]}, [step("test", "/a", "x"), step("test", "/b/1", 2)], {"a": "x", "b": [1, 2]}, id="test"
        ),
        pytest.param(
            {"a": 1}, [step("add", "/b", {"c": {}}), step("add", "/b/c/d", 1)], {"a": 1, "b": {"c": {"d": 1}}}, id="nested"
        ),
        pytest.param(
            {"a": 1}, [{"op": "add", "path": "/b", "value": 2, "x": 3}], {"a": 1, "b": 2}, id="unknown members are ignored"
        ),
        pytest.param({"a": 1}, [step("add", "/a", 2)], {"a": 2}, id="add over what is there"),
        pytest.param({"/": 9, "~1": 10}, [step("test", "/~01", 10), step("test", "/~1", 9)], {"/": 9, "~1": 10}, id="escapes"),
        pytest.param({"": {"": 1}}, [step("replace", "//", 2)], {"": {"": 2}}, id="empty names"),
        pytest.param({"a": 1}, [step("add", "", {"b": 2})], {"b": 2}, id="add the whole document"),
        pytest.param({"a": 1}, [step("replace", "", {"b": 2})], {"b": 2}, id="replace the whole document"),
        pytest.param({"a": {"b": 1}}, [taken("copy", "/a", "")], {"b": 1}, id="a part becomes the whole"),
        pytest.param({"a": 1}, [{"op": "remove", "path": ""}], None, id="remove the whole document"),
        pytest.param({"a": 1}, [step("test", "", {"a": 1})], {"a": 1}, id="test the whole document"),
        pytest.param({"a": None}, [step("test", "/a", None)], {"a": None}, id="test null"),
        pytest.param({"a": 1}, [], {"a": 1}, id="nothing"),
    ],
)
def test_what_operations_make(document: Any, patch: list[dict[str, Any]], expected: Any) -> None:
    before = deepcopy(document)
    sent = deepcopy(patch)
    assert patched(document, *patch) == expected
    assert (document, patch) == (before, sent)


@pytest.mark.parametrize(
    ("document", "patch"),
    [
        pytest.param({"a": 1}, step("add", "/b/c", 1), id="no parent"),
        pytest.param({"a": 1}, step("add", "/a/b", 1), id="a parent that holds nothing"),
        pytest.param({"a": [1]}, step("add", "/a/2", 1), id="beyond the end"),
        pytest.param({"a": [1]}, step("add", "/a/x", 1), id="no index"),
        pytest.param({"a": [1, 2]}, step("replace", "/a/01", 1), id="a leading zero"),
        pytest.param({"a": [1, 2]}, step("replace", "/a/-1", 1), id="a negative index"),
        pytest.param({"a": [1, 2]}, step("replace", "/a/١", 1), id="a digit of another script"),
        pytest.param({"a": [1]}, {"op": "remove", "path": "/a/-"}, id="- names nothing that is there"),
        pytest.param({"a": [1]}, {"op": "remove", "path": "/a/1"}, id="an element that is not there"),
        pytest.param({"a": 1}, {"op": "remove", "path": "/b"}, id="a member that is not there"),
        pytest.param({"a": 1}, step("replace", "/b", 1), id="nothing to replace"),
        pytest.param({"a": {"b": 1}}, taken("move", "/a", "/a/b"), id="into itself"),
        pytest.param({"a": 1}, taken("move", "/b", "/c"), id="nothing to move"),
        pytest.param({"a": 1}, taken("copy", "/b", "/c"), id="nothing to copy"),
        pytest.param({"a": 1}, step("test", "/b", 1), id="nothing to test"),
        pytest.param({"a": "x"}, step("test", "/a", "y"), id="another string"),
        pytest.param({"a": "10"}, step("test", "/a", 10), id="a string is no number"),
        pytest.param({"a": True}, step("test", "/a", 1), id="true is not 1"),
        pytest.param({"a": None}, step("test", "/a", False), id="null is not false"),
        pytest.param({"a": [True]}, step("test", "/a", [1]), id="nor in an array"),
        pytest.param({"a": {"b": 1}}, step("test", "/a", {"b": 1, "c": 2}), id="a member too many"),
        pytest.param({"a": [1, 2]}, step("test", "/a", [2, 1]), id="another order"),
        pytest.param({"a": [1, 2]}, step("test", "/a", [1]), id="an element too few"),
    ],
)
def test_what_cannot_be_applied_is_refused_whole(document: Any, patch: dict[str, Any]) -> None:
    before = deepcopy(document)
    with pytest.raises(Unprocessable, match=r"^Operation 1 of the patch"):
        patched(document, step("add", "/new", 1), patch)
    assert document == before


@pytest.mark.parametrize("value", [Decimal("1.00"), Decimal("1.0"), 1, Decimal("10e-1")])
def test_numbers_are_tested_by_value(value: Any) -> None:
    assert patched({"a": Decimal("1.0")}, step("test", "/a", value)) == {"a": 1}


def test_a_decimal_keeps_how_it_was_written() -> None:
    assert str(patched({"a": 1}, step("replace", "/a", Decimal("1.00")))["a"]) == "1.00"


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "add"},
        [1],
        [{}],
        [{"op": "append", "path": "/a", "value": 1}],
        [{"op": ["add"], "path": "/a", "value": 1}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": "/a"}],
        [{"op": "test", "path": "/a"}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "add", "path": ["a"], "value": 1}],
        [{"op": "add", "path": "/a~2", "value": 1}],
        [{"op": "add", "path": "/a~", "value": 1}],
        [{"op": "move", "path": "/a"}],
        [{"op": "copy", "path": "/a", "from": None}],
        [{"op": "add", "path": "/a" * 65, "value": 1}],
        [{"op": "remove", "path": "/a"}] * (MOST_OPERATIONS + 1),
    ],
)
def test_what_is_no_patch_is_a_bad_request(patch: Any) -> None:
    with pytest.raises(BadRequest):
        operations(patch)


def test_errors_name_the_operation_and_the_place_and_no_value() -> None:
    with pytest.raises(Unprocessable) as refused:
        patched({"name": [{"family": "Geheim"}]}, step("test", "/name/0/family", "Anders"))
    assert refused.value.text.startswith("Operation 0 of the patch, test at /name/0/family: ")
    with pytest.raises(Unprocessable) as refused:
        patched({}, {"op": "remove", "path": "/name/Jan Geheim"})
    assert refused.value.text.startswith("Operation 0 of the patch, remove at /name/?: ")


def test_copies_of_copies_do_not_grow_without_bound() -> None:
    doubling = [step("add", "/a", ["x" * 100])] + [taken("copy", "/a", "/a/-")] * 60
    with pytest.raises(Unprocessable, match=r"too much|deeper"):
        patched({}, *doubling)


def test_strings_count_in_what_is_copied() -> None:
    with pytest.raises(Unprocessable, match="too much"):
        patched({"a": "x" * 2000, "b": []}, *[taken("copy", "/a", "/b/-")] * MOST_OPERATIONS)


def test_what_is_moved_does_not_nest_without_bound() -> None:
    deeper = [step for _ in range(20) for step in (taken("move", "/a", "/t"), step_of_eight(), taken("move", "/t", EIGHT))]
    with pytest.raises(Unprocessable, match="deeper"):
        patched({"a": 1}, *deeper)


EIGHT = "/a" * 8


def step_of_eight() -> dict[str, Any]:
    value: Any = {}
    for _ in range(6):
        value = {"a": value}
    return step("add", "/a", value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.decimals(-5, 5, places=2) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~0", max_size=3), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text("ab/~0", max_size=3), json_values, max_size=4)


def escaped(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


@given(documents, documents)
def test_a_patch_of_all_members_leads_from_any_document_to_any_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    before = deepcopy(one)
    away = [{"op": "remove", "path": escaped(name)} for name in one]
    there = [step("add", escaped(name), value) for name, value in other.items()]
    assert patched(one, *away, *there, step("test", "", other)) == other
    assert one == before


@given(documents, json_values)
def test_moving_there_and_back_changes_nothing(document: dict[str, Any], value: Any) -> None:
    start = {**document, "from": value}
    moved = patched(start, taken("move", "/from", "/to"), taken("move", "/to", "/from"))
    assert patched(moved, step("test", "", start)) == start


@given(documents)
def test_a_copy_shares_nothing_with_its_source(document: dict[str, Any]) -> None:
    result = patched({"a": document}, taken("copy", "/a", "/b"), step("add", "/b/new", 1))
    assert result == {"a": document, "b": {**document, "new": 1}}
