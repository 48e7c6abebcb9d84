"""Sources and adapters that do as they are told, and a clock that does not wait; persons and products are invented."""

import asyncio
import selectors
from collections.abc import Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adapters.contract import Resource, Response, Source, SourceError, SourceQuery, Translation, Transport
from fhir_server.federation.channel import Channel
from fhir_server.federation.pace import Steps

T = TypeVar("T")
URA = "http://fhir.nl/fhir/NamingSystem/ura"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
CLIENT = ((BSN, "999990019"),)
QUERY = SourceQuery("", CLIENT, "7f3c", "2026-07-01T09:30:15+02:00")


class SkippingSelector(selectors.DefaultSelector):
    """Does not wait: the time that it was told to wait passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock only moves when everybody waits."""

    def __init__(self) -> None:
        self.skipping = SkippingSelector()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.now


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a clock that skips all waiting."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


@dataclass
class FakeAdapter:
    """Takes ``delay`` seconds, then answers ``resources``, or raises ``error``; remembers what happened."""

    delay: float = 0.0
    resources: Sequence[Resource] = ()
    error: Exception | None = None
    asked: list[SourceQuery] = field(default_factory=list)
    cancelled: bool = False

    def question(self, query: SourceQuery) -> Hashable:
        return query.resource_type, query.identifiers

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        assert source.adapter == "pharmacy/hl7v3"
        assert isinstance(transport, Channel)
        self.asked.append(query)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.error is not None:
            raise self.error
        return self.translate(b"")

    def translate(self, payload: bytes) -> Translation:
        assert payload == b""
        return Translation(self.resources, CLIENT)


def at_once(work: Steps[T]) -> T:
    """Carry out ``work`` without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            found: T = done.value
            return found


class NoTransport:
    """Stands where a fake adapter needs none."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        raise SourceError("unreachable", f"nobody should post {len(body)} bytes with {len(headers)} headers to {url}")

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        raise SourceError("unreachable", f"nobody should ask with {len(headers)} headers for {url}")


def declared(name: str = "linde", endpoint: str = "https://linde.example/hl7v3", budget: float = 5.0, **options: str) -> Source:
    """Return a declared source."""
    return Source(name, "pharmacy/hl7v3", endpoint, ((URA, "90000383"),), frozenset(), budget, options)
