"""The raw text of a query."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from fhir_server.search.query_string import parse_query


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"date=ge2026-05-20T10:00:00+02:00", [("date", "ge2026-05-20T10:00:00+02:00")]),
        (b"date=ge2026-05-20T10:00:00%2B02:00", [("date", "ge2026-05-20T10:00:00+02:00")]),
        (b"name=de%20Vries;Jan", [("name", "de Vries;Jan")]),
        (b"name:exact=Jos%C3%A9", [("name:exact", "José")]),
        ("name=José".encode(), [("name", "José")]),
        (b"identifier=a%7Cb%5C%2Cc", [("identifier", "a|b\\,c")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a&b=", [("a", ""), ("b", "")]),
        (b"&&a=1&", [("a", "1")]),
    ],
)
def test_pairs_come_in_the_order_given(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert parse_query(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("van+der+Berg", "van der Berg"),
        ("Kerkstraat+12+hoog", "Kerkstraat 12 hoog"),
        ("van%20der+Berg,de+Vries", "van der Berg,de Vries"),
        ("a%2Bb", "a+b"),
        ("ge2026-05-20T10%3A00%3A00+02%3A00", "ge2026-05-20T10:00:00+02:00"),
        ("1e+2", "1e+2"),
        ("urn:x|+31+6+12", "urn:x|+31+6+12"),
        ("O+", "O+"),
        ("application/fhir+json", "application/fhir+json"),
        ("application%2Ffhir+xml", "application/fhir+xml"),
        ("jan+hub@mail.example", "jan+hub@mail.example"),
    ],
)
def test_a_plus_sign_is_a_space_where_one_can_be_meant(value: str, expected: str) -> None:
    assert parse_query(f"a={value}".encode()) == [("a", expected)]


def test_in_a_form_a_plus_sign_is_a_space() -> None:
    assert parse_query(b"name=de+Vries&x=a%2Bb", form=True) == [("name", "de Vries"), ("x", "a+b")]


@pytest.mark.parametrize(
    "raw", [b"a=%", b"a=%2", b"a=%zz", b"%g0=1", b"a=%FF", b"a=\xff", b"a=%C3", b"a=%00", b"a=b%0Ac", b"a%7F=1"]
)
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_query(raw)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(BadRequest, match="201 parameters; at most 200"):
        parse_query(b"&".join([b"a=1"] * 201))


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_what_is_quoted_comes_back(given_pairs: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given_pairs).encode()
    assert parse_query(raw) == given_pairs
