"""Header lines: what is taken, what is shown, what is kept."""

import pytest
from cryptography.exceptions import InvalidTag

from fhir_server.errors import Unprocessable
from fhir_server.subscriptions.headers import HIDDEN, HeaderSeal, read, shown

KEPT = {"Authorization": "Bearer s3cret", "X-Key": "k"}


def test_lines_are_read_and_their_values_hidden() -> None:
    found = read(["Authorization: Bearer s3cret", "X-Key:k"], {})
    assert found == KEPT
    assert shown(found) == [f"Authorization: {HIDDEN}", f"X-Key: {HIDDEN}"]


def test_a_hidden_value_stays_what_it_is() -> None:
    assert read([f"authorization: {HIDDEN}", "X-Key: new"], KEPT) == {"authorization": "Bearer s3cret", "X-Key": "new"}


@pytest.mark.parametrize(
    "line",
    [
        "no colon", ": no name", "a b: c", "x: a\r\nHost: b", "x: a\nb", "x: \x7f", "x: é", f"Unknown: {HIDDEN}", "Host: a",
        "content-length: 0", "Transfer-Encoding: chunked", "Connection: close", "x: " + "v" * 4001,
    ],
)  # fmt: skip
def test_lines_that_are_refused(line: str) -> None:
    with pytest.raises(Unprocessable):
        read([line], KEPT)


def test_headers_are_sealed_for_one_subscription_and_with_one_key() -> None:
    seal = HeaderSeal(bytes(range(64)))
    sealed = seal.seal("a", KEPT)
    assert "s3cret" not in sealed
    assert seal.open_("a", sealed) == KEPT
    with pytest.raises(InvalidTag):
        seal.open_("b", sealed)
    with pytest.raises(InvalidTag):
        HeaderSeal(bytes(64)).open_("a", sealed)
    assert seal.open_("a", seal.seal("a", {})) == {}
