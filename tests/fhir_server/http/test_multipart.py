"""A form is read the same whatever pieces it comes in, and never gathered."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, FhirError, TooLarge, TooSlow, UnsupportedMedia
from fhir_server.http.multipart import parts
from fhir_server.http.request import Headers
from fhir_server.interactions.call import Part

TYPE = "multipart/form-data; boundary=b"
FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
BODY = FILE + b"one\r\n--x two\r\n" + b'\r\n--b\r\nContent-Disposition: form-data; name="g"\r\n\r\nthree\r\n--b--\r\n'
EXPECTED = [(Part("f", "a.png", "image/png"), b"one\r\n--x two\r\n"), (Part("g"), b"three")]


def gathered(pieces: list[bytes], limit: int = 1_000, content_type: str = TYPE, **headers: str) -> list[tuple[Part, bytes]]:
    raw = [(b"content-type", content_type.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    messages = [{"type": "http.request", "body": each, "more_body": True} for each in pieces] + [{"type": "http.request"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def run() -> list[tuple[Part, bytes]]:
        found: list[tuple[Part, bytes]] = []
        async for each in parts(receive, Headers(raw), limit, 5):
            if isinstance(each, Part):
                found.append((each, b""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + each)
        return found

    return asyncio.run(run())


@given(st.lists(st.integers(0, len(BODY)), max_size=6))
def test_in_any_pieces(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(BODY)]
    assert gathered([BODY[start:end] for start, end in pairwise(places)]) == EXPECTED


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (BODY[:-4], TYPE, BadRequest),
        (b"", TYPE, BadRequest),
        (b"no form at all", TYPE, BadRequest),
        (BODY, "multipart/form-data; boundary=c", BadRequest),
        (BODY, "multipart/form-data", BadRequest),
        (BODY, "multipart/mixed; boundary=b", UnsupportedMedia),
        (BODY, "application/x-www-form-urlencoded", UnsupportedMedia),
        (BODY, "", UnsupportedMedia),
        (b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", TYPE, BadRequest),
        (FILE.replace(b"image/png", b"x" * 5_000) + b"x\r\n--b--\r\n", TYPE, BadRequest),
        (FILE.replace(b"Content-Type", b"A: b\r\n" * 10 + b"Content-Type") + b"x\r\n--b--\r\n", TYPE, BadRequest),
        (b"".join(FILE + b"x\r\n" for _ in range(30)) + b"--b--\r\n", TYPE, BadRequest),
        (FILE + bytes(70_000), TYPE, TooLarge),
    ],
)
def test_what_is_refused(body: bytes, content_type: str, error: type[FhirError]) -> None:
    with pytest.raises(error):
        gathered([body], content_type=content_type)


def test_what_is_announced_is_believed() -> None:
    with pytest.raises(TooLarge):
        gathered([], content_length="1000000")
    with pytest.raises(UnsupportedMedia):
        gathered([BODY], content_encoding="gzip")


def test_a_body_that_does_not_come() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    async def run() -> None:
        async for _ in parts(never, Headers([(b"content-type", TYPE.encode())]), 1_000, 0.01):
            pass

    with pytest.raises(TooSlow):
        asyncio.run(run())


def test_a_connection_that_ends() -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def run() -> None:
        async for _ in parts(gone, Headers([(b"content-type", TYPE.encode())]), 1_000, 5):
            pass

    with pytest.raises(BadRequest):
        asyncio.run(run())
