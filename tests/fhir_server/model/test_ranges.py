"""The header Range (RFC 9110 section 14.1.2)."""

import pytest

from fhir_server.model.ranges import Range, Unsatisfiable, asked


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        ("", 10, None),
        ("bytes=0-0", 10, Range(0, 1)),
        ("bytes=0-9", 10, Range(0, 10)),
        ("bytes=0-", 10, Range(0, 10)),
        ("Bytes=2-5", 10, Range(2, 6)),
        ("bytes=5-99", 10, Range(5, 10)),
        ("bytes=-3", 10, Range(7, 10)),
        ("bytes=-99", 10, Range(0, 10)),
        ("bytes=9-9", 10, Range(9, 10)),
        ("bytes=5-4", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=-", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=٣-٤", 10, None),
        ("lines=0-1", 10, None),
        (f"bytes=0-{'9' * 19}", 10, None),
    ],
)
def test_a_range(header: str, size: int, expected: Range | None) -> None:
    assert asked(header, size) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=99-", "bytes=-0"])
def test_what_lies_behind_the_end(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        asked(header, 10)
