"""One text per shape: values never show in it, and the same shape costs no second text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_trees import trees

from fhir_server.search.tree import And, Date, Everything, Node, Or, Query, ReferenceTo, Sort, Text, Token
from fhir_server.storage import compile as text
from fhir_server.storage.dialect import POSTGRES, SQLITE
from fhir_server.storage.repository import Grant
from fhir_server.storage.shape import FIRST, LAST, bounds
from fhir_server.storage.texts import beyond


def statement(where: Node, dialect: object = SQLITE) -> str:
    search, _ = text.search_values(Grant("a", "Task", where), Query("Task"))
    return text.page(dialect, search).sql  # type: ignore[arg-type]


@given(trees)
def test_texts_hold_constants_only(tree: Node) -> None:
    for dialect in (SQLITE, POSTGRES):
        sql = statement(tree, dialect)
        for value in ("Patient/", "janssen", "xxxx", "Practitioner"):
            assert value not in sql
        assert "'" not in sql


def test_other_values_share_the_text() -> None:
    one = And((Token("status", "a"), ReferenceTo("owner", "Patient/1"), Date("due", "ge", 1, 2), Text("name", "x")))
    other = And((Token("code", "b"), ReferenceTo("for", "Patient/2"), Date("due", "ge", 3, 4), Text("name", "yy")))
    first, second = (text.search_values(Grant("a", "Task", node), Query("Task"))[0] for node in (one, other))
    assert first == second
    assert text.page(SQLITE, first) is text.page(SQLITE, second)


def test_many_alternatives_are_one_list() -> None:
    few, many = (Or(tuple(ReferenceTo("owner", f"Patient/{number}") for number in range(size))) for size in (9, 500))
    assert statement(few) == statement(many)


def test_the_most_selective_key_drives() -> None:
    status, owner = Token("status", "a"), ReferenceTo("owner", "Patient/1")
    shape, values = text.search_values(Grant("a", "Task", owner), Query("Task", And((status, Token("code", "b", "s")))))
    sql = text.page(SQLITE, shape)
    assert "WHERE d.key = ?1 " in sql.sql
    from fhir_server.search.rows import key

    assert sql.pick(values)[0] == key("Task", "owner", "Patient/1")


def test_the_range_of_the_main_date_becomes_the_range_of_the_index() -> None:
    where = And((Date("d", "ge", 10**15, 10**15 + 1, True, True), And((Date("d", "lt", 2 * 10**15, 3 * 10**15, True, True),))))
    low, high = bounds(where)
    assert 10**15 - 400 * 86_400 * 10**6 < low <= 10**15
    assert high == 2 * 10**15
    assert bounds(Or((where,))) == (FIRST, LAST)
    assert bounds(Date("d", "ge", 10**15, 10**15 + 1, True)) == (FIRST, LAST)


def test_a_page_follows_the_cursor_within_the_range() -> None:
    from fhir_server.search.tree import Cursor

    where = Date("d", "lt", 50, 60, True, True)
    _, values = text.search_values(Grant("a", "Task", where), Query("Task", where, Sort(), 20, Cursor(40, 7)))
    assert (values[text.UPPER_SORT], values[text.UPPER_ROW]) == (40, 7)
    _, values = text.search_values(Grant("a", "Task", where), Query("Task", where, Sort(), 20, Cursor(70, 7)))
    assert values[text.UPPER_SORT] == 50


@given(st.text(min_size=1, max_size=5), st.text(max_size=5))
def test_beyond_is_the_least_string_above_all_that_start_so(start: str, rest: str) -> None:
    assert (start + rest).encode() < beyond(start).encode()
    if (start + rest).encode() >= start.encode():
        assert start.encode() <= (start + rest).encode()


@pytest.mark.parametrize(("start", "expected"), [("a", "b"), ("\ud7ff", "\ue000"), ("a\U0010ffff", "b")])
def test_beyond_steps_over_what_no_string_holds(start: str, expected: str) -> None:
    assert beyond(start) == expected


def test_a_system_is_compared_only_where_values_may_have_one() -> None:
    """``status`` of a Task is a code, of which R4 says the system; ``code`` is a CodeableConcept, and "" asks for one without."""
    grant = Grant("a", "Task", Everything())
    counted = [
        text.count(SQLITE, text.search_values(grant, Query("Task", Token(name, "x", "")))[0]).sql for name in ("status", "code")
    ]
    assert ["high" in sql for sql in counted] == [False, True]
