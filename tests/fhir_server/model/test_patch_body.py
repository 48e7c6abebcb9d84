from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model.body import Limits, decimal_text
from fhir_server.model.patch.body import deeper, read_patch

LIMITS = Limits(depth=4, size=200)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", []),
        (b'{"a": null}', {"a": None}),
        (b'[{"path": "", "value": {}}]', [{"path": "", "value": {}}]),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b"[[[[1]]]]", [[[[1]]]]),
    ],
)
def test_any_json_can_be_a_patch(body: bytes, expected: Any) -> None:
    assert read_patch(body, LIMITS) == expected


def test_decimals_keep_their_text() -> None:
    found = read_patch(b"[1.00, 1.0E3]", LIMITS)
    assert all(isinstance(each, Decimal) for each in found)
    assert [decimal_text(each) for each in found] == ["1.00", "1.0E3"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"[1] 2", b"\xff", b'{"a": 1, "a": 2}', b"[NaN]", b"[-Infinity]", b"[1e999]", b"[[[[[1]]]]]", b'["\\ud800"]'],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_patch(body, LIMITS)


def test_a_tower_of_arrays_is_refused() -> None:
    with pytest.raises(Malformed, match="deeper"):
        read_patch(b"[" * 100_000 + b"]" * 100_000, Limits())


def test_a_large_patch_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_patch(b'["' + b"x" * 200 + b'"]', LIMITS)


@pytest.mark.parametrize(("value", "depth"), [(1, 0), ([], 1), ([1, [2]], 2), ({"a": {"b": [1]}}, 3)])
def test_how_deep_a_value_is(value: Any, depth: int) -> None:
    assert not deeper(value, depth)
    assert depth == 0 or deeper(value, depth - 1)
