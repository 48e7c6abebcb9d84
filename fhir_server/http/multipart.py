"""A form with files (multipart/form-data, RFC 7578), read as it comes: nothing of it is gathered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fhir_server.errors import BadRequest, TooLarge, TooSlow, UnsupportedMedia
from fhir_server.http.request import Headers, Message, Receive
from fhir_server.interactions.call import Part

_AROUND: Final = 65_536  # bytes of a body besides the file
_MOST_PARTS: Final = 20
_BROKEN: Final = "The form is not well-formed: its parts do not fit the boundary, or it ends before the last one."


async def parts(receive: Receive, headers: Headers, limit: int, seconds: float) -> AsyncIterator[Part | bytes]:
    """Yield each part of the body, and after it its content as it comes.

    ``limit`` is the largest file in bytes, ``seconds`` how long the whole body may take. Raises UnsupportedMedia for no form,
    BadRequest for a broken one, TooLarge, TooSlow.
    """
    reader = _Reader(_boundary(headers))
    announced = headers.get("content-length")
    if announced.isdecimal() and int(announced) > limit + _AROUND:
        raise _too_large(limit)
    end = asyncio.get_running_loop().time() + seconds
    size, more = 0, True
    while more:
        message = await _next(receive, end, seconds)
        body: bytes = message.get("body", b"")
        more = bool(message.get("more_body", False))
        size += len(body)
        if size > limit + _AROUND:
            raise _too_large(limit)
        for each in reader.read(body):
            yield each
    if not reader.ended:
        raise BadRequest(_BROKEN, detail="malformed-form")


async def _next(receive: Receive, end: float, seconds: float) -> Message:
    try:
        async with asyncio.timeout_at(end):
            message = await receive()
    except TimeoutError:
        raise TooSlow(f"The file did not come within {seconds:g} seconds. Send it again, or a smaller one.") from None
    if message["type"] == "http.disconnect":
        raise BadRequest("The connection ended before the whole body had come.")
    return message


def _boundary(headers: Headers) -> bytes:
    if "content-encoding" in headers:
        raise UnsupportedMedia("A file is sent as it is: without Content-Encoding.")
    name, options = parse_options_header(headers.get("content-type"))
    if name != b"multipart/form-data":
        raise UnsupportedMedia("A file is sent as multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise BadRequest("The Content-Type names no boundary.", detail="malformed-form")
    return boundary


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The file is larger than the {limit} bytes that this server keeps.", detail="attachment-too-large")


class _Reader:
    """Turns pieces of a body into parts."""

    def __init__(self, boundary: bytes) -> None:
        self.ended = False
        self._found: list[Part | bytes] = []
        self._field = self._value = b""
        self._headers: dict[str, bytes] = {}
        self._number = 0
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_part,
                    "on_part_data": lambda data, start, end: self._found.append(data[start:end]),
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise BadRequest(_BROKEN, detail="malformed-form") from None

    def read(self, body: bytes) -> list[Part | bytes]:
        """Return what ``body`` brings. Raises BadRequest."""
        self._found = []
        try:
            self._parser.write(body)
        except FormParserError:
            raise BadRequest(_BROKEN, detail="malformed-form") from None
        return self._found

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value
        self._field = self._value = b""

    def _on_part(self) -> None:
        self._number += 1
        if self._number > _MOST_PARTS:
            raise BadRequest(f"The form has more than {_MOST_PARTS} parts.", detail="malformed-form")
        kind, options = parse_options_header(self._headers.get("content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise BadRequest("A part of the form has no name.", detail="malformed-form")
        media = self._headers.get("content-type", b"").decode("latin-1")
        self._found.append(Part(_text(options[b"name"]), _text(options.get(b"filename", b"")), media))

    def _on_end(self) -> None:
        self.ended = True


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
