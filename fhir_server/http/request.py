"""An HTTP request as the dispatcher works with it: raw path, raw query, headers, and a bounded body."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from fhir_server.errors import BadRequest, TooLarge
from fhir_server.http.encoding import inflated
from fhir_server.oauth.presented import Presented

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
_PLAIN: Final = re.compile(r"[!-~]{1,128}")
_LISTS: Final = frozenset({b"accept", b"accept-encoding", b"content-encoding", b"if-match", b"if-none-match", b"prefer"})
Send = Callable[[Message], Awaitable[None]]


class Headers:
    """The headers of a request by lower-case name; a name and a value are decoded when they are asked for.

    A repeated one that is a list is one list (RFC 9110 section 5.3); of any other repeated one the last counts.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        """Hold the pairs of an ASGI scope, whose names are in lower case (https://asgi.readthedocs.io, HTTP connection scope)."""
        pairs = raw if isinstance(raw, list) else list(raw)
        self._raw = dict(pairs)
        if len(self._raw) != len(pairs):
            for name in _LISTS & self._raw.keys():
                self._raw[name] = b", ".join(value for each, value in pairs if each == name)

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


def request_of(scope: Scope, prefix: str, headers: Headers) -> Request:
    """Read the request line; a slash at the end of the path means nothing. Raises BadRequest for a broken path."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        path = raw.partition(b"?")[0].decode("ascii")[len(prefix) :]
        parts = path.split("/")
        segments = tuple([unquote(part, errors="strict") for part in parts if part] if "%" in path else filter(None, parts))
    except UnicodeDecodeError as error:
        raise BadRequest("The path must be percent-encoded UTF-8.") from error
    return Request(scope["method"], segments, scope["query_string"], headers)


def presented(scope: Scope, authorization: bytes | None, base: str, prefix: str) -> Presented:
    """Return what the request shows to be let in; its URL is the one below our own ``base``, whatever the header Host says."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("ascii")[len(prefix) :]
    client = scope.get("client")
    return Presented(authorization, scope["method"], base + path, scope["headers"], client[0] if client else "")


def correlation_of(headers: Headers) -> str:
    """Return the id that the caller gave the request, to be sent back (https://hl7.org/fhir/R4/http.html#custom); "" for none."""
    given = headers.get("x-request-id")
    return given if given and _PLAIN.fullmatch(given) else ""


async def body_of(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Read the body up to ``limit`` bytes, as sent and as inflated.

    Raises TooLarge before reading when the length is announced, else on the way; UnsupportedMedia and Malformed for a
    Content-Encoding.
    """
    body = await _sent(receive, headers, limit)
    return inflated(body, headers.get("content-encoding"), limit) if "content-encoding" in headers else body


async def _sent(receive: Receive, headers: Headers, limit: int) -> bytes:
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
