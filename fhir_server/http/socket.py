"""The door for websockets (https://asgi.readthedocs.io): ``bind-with-token: TOKEN``, then notifications until either side ends it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fhir_server.http.request import Receive, Scope, Send
from fhir_server.subscriptions.binding import opened
from fhir_server.subscriptions.headers import HeaderSeal
from fhir_server.subscriptions.switchboard import Switchboard

PATH: Final = "/fhir/ws"
_WORD: Final = "bind-with-token:"
_LONGEST: Final = 2_000  # characters of a token
_PATIENCE: Final = 10.0  # seconds until it must have come
_ENDED, _REFUSED = 1000, 1008  # RFC 6455, section 7.4.1
_log = logging.getLogger("fhir_server")


@dataclass(frozen=True, slots=True)
class SocketDoor:
    """Lets in who shows a token that ``seal`` opens; ``clock`` gives microseconds."""

    switchboard: Switchboard
    seal: HeaderSeal
    clock: Callable[[], int]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket."""
        await receive()  # websocket.connect
        if scope["path"] != PATH:
            await send({"type": "websocket.close", "code": _REFUSED})
            return
        await send({"type": "websocket.accept"})
        id_ = await self._bound(receive)
        if id_:
            await self._serve(id_, receive, send)
        elif id_ is not None:
            await send({"type": "websocket.close", "code": _REFUSED, "reason": "no valid token"})

    async def _bound(self, receive: Receive) -> str | None:
        """Return the id of the subscription to serve, "" for none, None when the other side is gone."""
        try:
            async with asyncio.timeout(_PATIENCE):
                message = await receive()
        except TimeoutError:
            return ""
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text") or ""
        word, token = text[: len(_WORD)], text[len(_WORD) :].strip()
        if word.lower() != _WORD or len(token) > _LONGEST:
            return ""
        return opened(self.seal, token, self.clock())

    async def _serve(self, id_: str, receive: Receive, send: Send) -> None:
        async def say(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        speaking = asyncio.create_task(self.switchboard.serve(id_, say))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({speaking, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = gone.done()
            for task in (speaking, gone):
                task.cancel()
            found = await asyncio.gather(speaking, gone, return_exceptions=True)
        error = found[0]
        if isinstance(error, Exception):
            _log.warning("websocket ended", extra={"subscription": id_, "error": type(error).__name__})
        if not left:
            await send({"type": "websocket.close", "code": _ENDED})


async def _gone(receive: Receive) -> None:
    """Return when the other side is gone; whatever else it says is not listened to."""
    while (await receive())["type"] != "websocket.disconnect":
        pass
