"""Scopes of authorization requests of MedMij."""

import pytest

from fhir_server.medmij.scope import InvalidScope, read_scope


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("eenofanderezorgaanbieder", "eenofanderezorgaanbieder"),
        ("EenOfAndere", "eenofandere"),
        ("huisarts12-noord&zuid.nl", "huisarts12-noord&zuid.nl"),
    ],
)
def test_collecting(text: str, provider: str) -> None:
    assert read_scope(text).provider == provider


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "a~", "a~x", "~48", "1a", "a~48 a~49", "a~48", "subscribe~30/a~48", "subscribe~0/a", "a onbehalfof",
        "a onbehalfofchild", "a  onbehalfof", "a@medmij", "a\n", "a" * 58, "á",
    ],
)  # fmt: skip
def test_nothing_else(text: str) -> None:
    with pytest.raises(InvalidScope):
        read_scope(text)
