"""The body of a request on its way in, of which the rest is read and thrown away where the request was refused before its end."""

import asyncio
from contextlib import suppress
from typing import Final

from fhir_server.http.request import Headers, Message, Receive

BODIES: Final = frozenset({"POST", "PUT", "PATCH"})
_MOST: Final = 64_000_000
_SECONDS: Final = 10.0
_SILENCE: Final = 2.0


class Incoming:
    """An ASGI ``receive`` that knows whether the whole body has come."""

    __slots__ = ("_ended", "_receive")

    def __init__(self, receive: Receive) -> None:
        """Hand on what ``receive`` gives."""
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def discard(self, headers: Headers) -> None:
        """Read the rest of the body, up to 64 MB, for at most 10 s and as long as it comes, and keep nothing of it.

        A client that sends its body without looking whether it was answered meanwhile never sees the answer otherwise: it finds
        the connection closed (RFC 9112 section 9.6). One that asks first (``Expect``) sends nothing more.
        """
        if self._ended or "expect" in headers or not ("content-length" in headers or "transfer-encoding" in headers):
            return
        seen = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while not self._ended and seen < _MOST:
                    seen += len((await asyncio.wait_for(self(), _SILENCE)).get("body", b""))
