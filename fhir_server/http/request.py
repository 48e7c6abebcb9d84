"""An HTTP request as the dispatcher works with it: raw path, raw query, headers, and a bounded body."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fhir_server.errors import BadRequest, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Headers:
    """The headers of a request by lower-case name; a value is decoded when it is asked for. Of a repeated one the last counts."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Hold the pairs of an ASGI scope, whose names are in lower case (https://asgi.readthedocs.io, HTTP connection scope)."""
        self._raw = dict(raw)

    def raw(self, name: str) -> bytes | None:
        """Return the bytes of a header, None where it is absent."""
        return self._raw.get(name.encode())

    def get(self, name: str, default: str = "") -> str:
        """Return the text of a header."""
        value = self._raw.get(name.encode())
        return default if value is None else value.decode("latin-1")

    def __contains__(self, name: str) -> bool:
        """Tell whether the header is there."""
        return name.encode() in self._raw


@dataclass(slots=True)
class Request:
    """Method, path segments below the FHIR base (decoded one by one), raw query, and headers."""

    method: str
    segments: tuple[str, ...]
    query: bytes
    headers: Headers


def request_of(scope: Scope, prefix: str) -> Request:
    """Read the request line and headers; a slash at the end of the path means nothing. Raises BadRequest for a broken path."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        path = raw.partition(b"?")[0].decode("ascii")[len(prefix) :]
        segments = tuple(unquote(part, errors="strict") if "%" in part else part for part in path.split("/") if part)
    except UnicodeDecodeError as error:
        raise BadRequest("The path must be percent-encoded UTF-8.") from error
    return Request(scope["method"], segments, scope["query_string"], Headers(scope["headers"]))


async def body_of(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Read the body up to ``limit`` bytes; raises TooLarge before reading when the length is announced, else on the way."""
    announced = headers.get("content-length")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection ended before the whole body had come.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit} bytes that this server reads. Send it in parts.")
