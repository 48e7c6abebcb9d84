"""The ids of lines of the record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.reference import LOGICAL_ID
from fhir_server.storage.line_id import is_line, line_id, place_of


@given(st.integers(0, 2**63 - 1), st.text("0123456789abcdef", max_size=16), st.integers(0, 2**63 - 1))
def test_they_lead_back(row: int, chain: str, seq: int) -> None:
    found = line_id(row, chain, seq)
    assert is_line(found)
    assert LOGICAL_ID.fullmatch(found)
    assert place_of(found) == (chain, seq if chain else row)


@pytest.mark.parametrize(
    "id_", ["", "log", "log..", "log.a.1", "log..01", "log.ge======.1", "x.ge.1", "log..7vvvvvvvvvvvvv", "log.ge.-1"]
)
def test_others_are_none(id_: str) -> None:
    assert place_of(id_) is None
