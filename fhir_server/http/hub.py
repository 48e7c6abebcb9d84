"""The whole server as one ASGI application: ``/fhir`` goes straight to the FHIR application, the rest to the FastAPI shell.

The FHIR application stands in front of the shell instead of being mounted in it: see docs/adr/0009.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI

from fhir_server.http.cors import Cors
from fhir_server.http.fhir import PREFIX, FhirApplication
from fhir_server.http.request import Message, Receive, Scope, Send
from fhir_server.http.socket import SocketDoor

_BELOW: Final = PREFIX + "/"
_MEDMIJ: Final = "/medmij/"
_OF_SERVICE: Final = 5  # parts of such a path
_WELL_KNOWN: Final = _BELOW + ".well-known/"


@dataclass(frozen=True, slots=True)
class Running:
    """An opened server: its two applications, its door for websockets, how to close what they use, and which origins may ask.

    ``services`` are the FHIR applications of the data services of MedMij, by their paths.
    """

    fhir: FhirApplication
    shell: FastAPI
    close: Callable[[], Awaitable[None]]
    socket: SocketDoor
    cors: Cors | None = None
    services: Mapping[str, FhirApplication] = field(default_factory=dict)


def _without_body(send: Send) -> Send:
    """Send what GET is answered, as HEAD is: FastAPI has no HEAD beside GET (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2)."""

    async def sent(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sent


def _service(path: str) -> str:
    """Return what in ``path`` is the path of a data service: "/medmij/{provider}/{service}/fhir"."""
    return "/".join(path.split("/", _OF_SERVICE)[:_OF_SERVICE]) if path.startswith(_MEDMIJ) else ""


class Hub:
    """Opens the server when the ASGI lifespan starts, and closes it when that ends."""

    def __init__(self, open_: Callable[[], Awaitable[Running]]) -> None:
        """Serve what ``open_`` opens."""
        self._open = open_
        self._running: Running | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert self._running is not None, "the ASGI server must run the lifespan"
        if scope["type"] == "websocket":
            await self._running.socket(scope, receive, send)
            return
        cors = self._running.cors
        if cors is not None:
            if await cors.answered(scope, send):
                return
            send = cors.sending(scope, send)
        path: str = scope["path"]
        if (path.startswith(_BELOW) and not path.startswith(_WELL_KNOWN)) or path == PREFIX:
            await self._running.fhir(scope, receive, send)
        elif (service := self._running.services.get(_service(path))) is not None:
            await service(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._running.shell({**scope, "method": "GET"}, receive, _without_body(send))
        else:
            await self._running.shell(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._running = await self._open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._running.close()
        await send({"type": "lifespan.shutdown.complete"})
