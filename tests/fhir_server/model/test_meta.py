import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.meta import etag, http_date, names_version, seconds_of


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ('W/"3"', True),
        ('"3"', True),
        ('"1", W/"3" ,"5"', True),
        ("*", True),
        (" * ", True),
        ('W/"4"', False),
        ("3", False),
        ("W/3", False),
        ('"33"', False),
        ("", False),
        ('"*"', False),
        (",,", False),
    ],
)
def test_a_list_of_tags(tags: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert names_version(tags, 3) is expected


@given(st.integers(1, 10**9))
def test_the_own_tag_and_date_are_understood(number: int) -> None:
    assert names_version(etag(number), number)
    assert seconds_of(http_date(number * 1_000_000 + 999_999)) == number


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d (GMT|[+-]\d{4})"))
def test_what_is_no_date_is_none(text: str) -> None:
    assert isinstance(seconds_of(text), int | None)
