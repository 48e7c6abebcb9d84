import asyncio
import gzip
from typing import Any

import pytest

from fhir_server.errors import BadRequest, TooLarge
from fhir_server.http.request import Headers, body_of, correlation_of, request_of


def scope(raw_path: bytes, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "path": raw_path.decode("latin-1"), "raw_path": raw_path, "query_string": b"", "headers": [], **more}


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        (b"/fhir", ()),
        (b"/fhir/", ()),
        (b"/fhir/Patient", ("Patient",)),
        (b"/fhir/Patient/", ("Patient",)),
        (b"/fhir/Patient/a%2Fb", ("Patient", "a/b")),
        (b"/fhir/Patient/%24everything", ("Patient", "$everything")),
    ],
)
def test_segments_are_decoded_one_by_one(path: bytes, segments: tuple[str, ...]) -> None:
    assert request_of(scope(path), "/fhir", Headers([])).segments == segments


def test_a_broken_encoding_is_refused() -> None:
    with pytest.raises(BadRequest):
        request_of(scope(b"/fhir/Patient/%ff"), "/fhir", Headers([]))


def test_headers_by_lower_case_name() -> None:
    headers = Headers([(b"authorization", b"Bearer x"), (b"accept", b"*/*")])
    assert headers.raw("authorization") == b"Bearer x"
    assert headers.get("accept") == "*/*"
    assert headers.get("prefer") == ""
    assert "prefer" not in headers


def test_a_repeated_list_is_one_list_and_of_the_rest_the_last_counts() -> None:
    repeated = [(b"prefer", b"a"), (b"host", b"x"), (b"prefer", b"b"), (b"host", b"y"), (b"if-none-match", b'"1"')]
    headers = Headers(repeated)
    assert (headers.get("prefer"), headers.get("host"), headers.get("if-none-match")) == ("a, b", "y", '"1"')


@pytest.mark.parametrize(("given", "expected"), [("a-1", "a-1"), ("", ""), ("a b", ""), ("x" * 129, ""), ("\u00e9", "")])
def test_the_id_that_the_caller_gave(given: str, expected: str) -> None:
    assert correlation_of(Headers([(b"x-request-id", given.encode("latin-1"))])) == expected


def test_an_inflated_body() -> None:
    packed = {"type": "http.request", "body": gzip.compress(b"abcd")}
    assert read(packed, headers={"content-encoding": "gzip"}, limit=100) == b"abcd"
    with pytest.raises(TooLarge):
        read({"type": "http.request", "body": gzip.compress(b"a" * 101)}, headers={"content-encoding": "gzip"}, limit=100)


def read(*messages: dict[str, Any], limit: int = 10, headers: dict[str, str] | None = None) -> bytes:
    queue = list(messages)

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return asyncio.run(body_of(receive, Headers(raw), limit))


def test_a_body_in_parts() -> None:
    assert read({"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"cd"}) == b"abcd"


def test_a_body_above_the_limit_is_refused_on_the_way() -> None:
    with pytest.raises(TooLarge):
        read(
            {"type": "http.request", "body": b"x" * 6, "more_body": True},
            {"type": "http.request", "body": b"x" * 6, "more_body": True},
        )


def test_a_body_announced_above_the_limit_is_not_even_read() -> None:
    with pytest.raises(TooLarge):
        read(headers={"content-length": "11"})


def test_a_lost_connection() -> None:
    with pytest.raises(BadRequest):
        read({"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"})
