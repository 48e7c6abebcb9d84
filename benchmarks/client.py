"""A load of HTTP requests over kept-alive connections: bounded in count, against loopback only."""

import asyncio
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask: a path on a port of this machine, with an access token ("" for none); with a ``body`` it is posted."""

    port: int
    path: str
    token: str = ""
    body: bytes = b""

    def request(self) -> bytes:
        """Return the bytes of the request."""
        token = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        posted = f"Content-Type: application/fhir+json\r\nContent-Length: {len(self.body)}\r\n" if self.body else ""
        head = f"{'POST' if self.body else 'GET'} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
        return f"{head}{posted}{token}\r\n".encode() + self.body


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, count: int, done: asyncio.Future[None]) -> None:
        self._request, self._left, self._done = request, count, done
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
            self._fail(f"unexpected answer: {head[:60]!r}")
            return
        size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + size:
            return
        self._buffer.clear()
        self._left -= 1
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._fail(f"connection lost: {exc}")

    def _fail(self, why: str) -> None:
        self._transport.abort()
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))


async def load(target: Target, count: int, connections: int) -> None:
    """Send ``count`` requests over ``connections`` connections.

    Raises RuntimeError for the first answer that is neither 200 nor 201.
    """
    loop = asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(connections)]
    for each in done:
        await loop.create_connection(partial(_Connection, target.request(), count // connections, each), "127.0.0.1", target.port)
    await asyncio.wait_for(asyncio.gather(*done), timeout=120)
