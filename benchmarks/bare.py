"""The yardstick: an ASGI application that answers a constant body, on the web server that serves the hub."""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def application(size: int) -> Callable[..., Awaitable[None]]:
    """Return the application."""
    body = b"x" * size
    headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(size).encode())]

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    server = Server(
        application(int(sys.argv[2])),
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        log_level=LogLevels.error,
    )
    uvloop.run(server.serve())
