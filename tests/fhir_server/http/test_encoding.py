"""Compressed bodies, and when an answer may be compressed."""

import gzip
import tracemalloc
import zlib

import pytest

from fhir_server.errors import FhirError, Malformed, TooLarge, UnsupportedMedia
from fhir_server.http.encoding import inflated, takes_gzip

BODY = b'{"resourceType":"Patient"}' * 20
PACKED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    ("sent", "coding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (PACKED, "gzip"),
        (PACKED, " GZip "),
        (PACKED, "x-gzip"),
        (zlib.compress(BODY), "deflate"),
        (gzip.compress(BODY[:100], mtime=0) + gzip.compress(BODY[100:], mtime=0), "gzip"),
    ],
)
def test_a_body_is_what_it_was(sent: bytes, coding: str) -> None:
    assert inflated(sent, coding, len(BODY)) == BODY


@pytest.mark.parametrize(
    "sent", [BODY, PACKED[:-1], PACKED[:20], PACKED[:-5] + b"xxxxx", PACKED + b"x", gzip.compress(b"", mtime=0) * 65]
)
def test_what_is_not_whole_is_refused(sent: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        inflated(sent, "gzip", 10_000)
    assert refused.value.status == 400


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "identity, gzip"])
def test_another_coding_is_refused_with_those_that_are_understood(coding: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        inflated(PACKED, coding, 10_000)
    assert refused.value.headers == ((b"accept-encoding", b"gzip, deflate, identity"),)


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflated(bomb, "gzip", 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_is_of_all_members_together() -> None:
    with pytest.raises(TooLarge):
        inflated(gzip.compress(bytes(60)) * 2, "gzip", 119)
    assert inflated(gzip.compress(bytes(60)) * 2, "gzip", 120) == bytes(120)


def test_an_empty_body_is_empty_in_every_coding() -> None:
    assert inflated(b"", "gzip", 10) == b""


def test_many_empty_members_are_not_worth_the_work() -> None:
    with pytest.raises(FhirError):
        inflated(gzip.compress(b"") * 100_000, "gzip", 5_000_000)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=x", False),
        ("gzipped", False),
    ],
)
def test_who_takes_gzip(accepted: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert takes_gzip(accepted) is expected
