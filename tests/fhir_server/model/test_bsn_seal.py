"""The sealed text: one for each number and key, opened by its key only, and by nobody when a letter of it was changed."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fhir_server.model.bsn import is_bsn
from fhir_server.model.bsn_seal import KEY_BYTES, SEALED, BsnSeal

SEAL = BsnSeal({"1": bytes(range(KEY_BYTES))}, "1")
OTHER = BsnSeal({"1": bytes(KEY_BYTES)}, "1")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def completed(stem: int) -> str:
    """Return the number whose first eight digits are ``stem``; "" where none passes the eleven test."""
    last = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), f"{stem:08}", strict=True)) % 11
    return f"{stem:08}{last}" if last < 10 else ""


numbers = st.integers(1, 99_999_999).map(completed).filter(bool)


@given(numbers)
def test_what_was_sealed_opens_as_the_same_number(number: str) -> None:
    assert is_bsn(number)
    assert SEAL.open_(SEAL.seal(number)) == number


@given(numbers, numbers)
def test_a_number_has_one_text_and_each_number_another(one: str, two: str) -> None:
    assert (SEAL.seal(one) == SEAL.seal(two)) == (one == two)
    assert SEALED.fullmatch(SEAL.seal(one).encode())
    assert one not in SEAL.seal(one)


@given(numbers)
def test_another_key_makes_another_text_and_opens_nothing(number: str) -> None:
    assert OTHER.seal(number) != SEAL.seal(number)
    assert OTHER.open_(SEAL.seal(number)) is None


@given(numbers, st.integers(0, 31), st.sampled_from(LETTERS))
def test_a_changed_text_does_not_open(number: str, place: int, letter: str) -> None:
    head, _, sealed = SEAL.seal(number).rpartition("~")
    assume(sealed[place] != letter)
    assert SEAL.open_(f"{head}~{sealed[:place]}{letter}{sealed[place + 1 :]}") is None


def test_the_key_is_named_and_older_ones_still_open() -> None:
    both = BsnSeal({"1": bytes(range(KEY_BYTES)), "2": bytes(KEY_BYTES)}, "2")
    assert both.seal("999990019").startswith("bsn~2~")
    assert both.open_(SEAL.seal("999990019")) == "999990019"
    assert SEAL.open_(both.seal("999990019")) is None  # it has no key 2
    assert both.open_(both.seal("999990019").replace("~2~", "~1~")) is None


@pytest.mark.parametrize("text", ["", "999990018", "99999001", "9999900190", " 999990019", "000000000", "٩٩٩٩٩٠٠١٩"])
def test_what_is_no_number_is_not_sealed(text: str) -> None:
    with pytest.raises(ValueError, match="no BSN"):
        SEAL.seal(text)


@pytest.mark.parametrize(
    "text", ["", "999990019", "bsn~1~", "bsn~1~" + "a" * 32, "bsn~9~" + "a" * 32, "bsn~1~" + "A" * 32, "bsn~é~"]
)
def test_what_is_no_sealed_text_opens_as_nothing(text: str) -> None:
    assert SEAL.open_(text) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        BsnSeal({"1": b"short"}, "1")
