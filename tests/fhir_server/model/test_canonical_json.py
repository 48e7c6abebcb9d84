"""The canonical form of JSON, by the rules and examples of RFC 8785."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.canonical_json import canonical

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def test_names_are_in_the_order_of_their_utf_16_units() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]  # section 3.2.3
    assert list(json.loads(canonical(dict.fromkeys(names, 0)))) == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_texts_are_escaped_as_little_as_can_be() -> None:
    text = '\u20ac$\x0f\nA\'B"\\\\"/'  # section 3.2.2.2
    assert canonical(text).decode() == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@given(VALUES)
def test_it_says_the_same_and_only_in_one_way(value: object) -> None:
    made = canonical(value)
    assert json.loads(made) == value
    assert canonical(json.loads(made)) == made
    assert canonical(json.loads(json.dumps(value, indent=3, sort_keys=True))) == made


@pytest.mark.parametrize("value", [1.5, Decimal(1), 2**53, {"a": [float("nan")]}])
def test_a_number_that_not_everybody_reads_the_same_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        canonical(value)
