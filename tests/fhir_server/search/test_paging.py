"""The tokens of next links."""

import os
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, Forbidden, Gone
from fhir_server.search.paging import LIFETIME, Pager, Position
from fhir_server.search.tree import Cursor

PAGER = Pager(b"k" * 32)
NOW = 1_780_000_000_000_000
POSITION = Position("Task", (("status", "requested"), ("patient", "Patient/terpstra")), Cursor(-5, 17))
TOKEN = PAGER.seal(POSITION, "Practitioner/d1", NOW)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBER = st.integers(-(2**62), 2**62)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), NUMBER, NUMBER, TEXT, TEXT)
def test_what_is_sealed_comes_back(parameters: list[tuple[str, str]], sort: int, row: int, caller: str, path: str) -> None:
    position = Position(path, tuple(parameters), Cursor(sort, row))
    assert PAGER.open_(PAGER.seal(position, caller, NOW), caller, path, NOW) == position


@pytest.mark.parametrize("beside", [None, (), (-(2**62), "linde", "id"), ("0even", 5, "linde", "id")])
def test_the_place_at_the_sources_comes_back(beside: tuple[int | str, ...] | None) -> None:
    position = Position("Observation", (), Cursor(0, -1), None, 3, beside)
    assert PAGER.open_(PAGER.seal(position, "c", NOW), "c", "Observation", NOW) == position


def test_a_token_is_good_for_an_hour() -> None:
    assert PAGER.open_(TOKEN, "Practitioner/d1", "Task", NOW + LIFETIME - 1) == POSITION
    with pytest.raises(Gone, match="more than an hour old"):
        PAGER.open_(TOKEN, "Practitioner/d1", "Task", NOW + LIFETIME)


def test_another_caller_may_not_use_it() -> None:
    with pytest.raises(Forbidden, match="another caller"):
        PAGER.open_(TOKEN, "Practitioner/d2", "Task", NOW)


def test_it_continues_its_own_search_only() -> None:
    with pytest.raises(BadRequest, match="another search"):
        PAGER.open_(TOKEN, "Practitioner/d1", "CareTeam", NOW)


@pytest.mark.parametrize("token", ["", "a", "abc", "====", "é", TOKEN[:-4], TOKEN + "AAAA", TOKEN[::-1], "A" * 10_000])
def test_a_forgery_is_refused(token: str) -> None:
    with pytest.raises(BadRequest, match="none that this server gave"):
        PAGER.open_(token, "Practitioner/d1", "Task", NOW)


def test_every_changed_character_is_noticed() -> None:
    for at, char in enumerate(TOKEN[:-1]):
        forged = TOKEN[:at] + ("A" if char != "A" else "B") + TOKEN[at + 1 :]
        with pytest.raises(BadRequest):
            PAGER.open_(forged, "Practitioner/d1", "Task", NOW)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(BadRequest):
        Pager(os.urandom(32)).open_(TOKEN, "Practitioner/d1", "Task", NOW)


def test_nothing_of_the_search_can_be_read() -> None:
    raw = urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    assert not any(word in raw for word in (b"Task", b"requested", b"terpstra", b"Practitioner"))
    assert TOKEN.isascii()


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 32 bytes"):
        Pager(b"short")


def test_a_search_too_long_for_a_link_is_refused() -> None:
    with pytest.raises(BadRequest, match="too long"):
        PAGER.seal(Position("Task", (("_id", os.urandom(5000).hex()),), Cursor(0, 0)), "a", NOW)
