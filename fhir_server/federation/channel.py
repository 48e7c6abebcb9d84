"""The way of one question to its source: what an adapter gets to ask with."""

from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Any, Protocol, TypeVar

from adapters.contract import Response
from fhir_server.federation.asking import Asking
from fhir_server.federation.traced import Trace, headers

T = TypeVar("T")


class Sender(Protocol):
    """HTTP to one source."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send ``body``; raises SourceError."""
        ...

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Ask for ``url``; raises SourceError."""
        ...


class Channel:
    """Sends by ``sender`` for the question with the id ``question``, each message a span of ``trace``.

    ``place`` is the source and the client: within ``asking`` what is asked once is asked once for these.
    """

    def __init__(self, sender: Sender, trace: Trace, question: str, asking: Asking, place: Hashable) -> None:
        self._sender = sender
        self._trace = trace
        self._question = question
        self._asking = asking
        self._place = place
        self._messages = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send ``body``; raises SourceError."""
        return await self._sender.post(url, body, self._with_span(headers))

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Ask for ``url``; raises SourceError."""
        return await self._sender.get(url, self._with_span(headers))

    async def once(self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what ``ask`` comes to, the same for all who ask ``question`` of this source about this client."""
        return await self._asking.once(("first", self._place, question), ask)

    def _with_span(self, sent: Mapping[str, str]) -> Mapping[str, str]:
        self._messages += 1
        return {**sent, **headers(self._trace, self._question, self._messages)}
