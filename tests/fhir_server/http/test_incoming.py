"""What a refused request still sends is read and dropped, up to a bound, and only where it is still coming."""

import asyncio
from typing import Any

import pytest

from fhir_server.http import incoming
from fhir_server.http.incoming import Incoming
from fhir_server.http.request import Headers

LONG = [(b"content-length", b"9")]


class Sender:
    """Sends ``pieces``, and after them nothing more, or never."""

    def __init__(self, pieces: int, *, ends: bool = True, size: int = 3) -> None:
        self.asked = 0
        self._pieces, self._ends, self._size = pieces, ends, size

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        if self.asked > self._pieces:
            await asyncio.Event().wait()
        more = not (self._ends and self.asked == self._pieces)
        return {"type": "http.request", "body": b"x" * self._size, "more_body": more}


def discard(sender: Sender, headers: list[tuple[bytes, bytes]], read: int = 0) -> None:
    async def run() -> None:
        body = Incoming(sender)
        for _ in range(read):
            await body()
        await body.discard(Headers(headers))

    asyncio.run(run())


@pytest.mark.parametrize("headers", [LONG, [(b"transfer-encoding", b"chunked")]])
def test_all_that_still_comes_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    sender = Sender(5)
    discard(sender, headers, read=2)
    assert sender.asked == 5


@pytest.mark.parametrize(
    ("headers", "read"),
    [([], 0), ([*LONG, (b"expect", b"100-continue")], 0), (LONG, 3)],
    ids=["no body", "waits for the answer", "read already"],
)
def test_nothing_is_awaited_that_does_not_come(headers: list[tuple[bytes, bytes]], read: int) -> None:
    sender = Sender(3)
    discard(sender, headers, read)
    assert sender.asked == read


def test_a_sender_that_falls_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "_SILENCE", 0.01)
    sender = Sender(2, ends=False)
    discard(sender, LONG)
    assert sender.asked == 3


def test_there_is_an_end_to_what_is_read() -> None:
    sender = Sender(10_000, ends=False, size=10_000_000)
    discard(sender, LONG)
    assert sender.asked == 7
