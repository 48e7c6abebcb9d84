"""The trace of a request, sent on to the sources that it asks (https://www.w3.org/TR/trace-context/).

A source gets the id of the trace and a span of its own for each call, and nothing else of what the caller sent: ``tracestate`` can
hold anything, so it stays here.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from adapters.contract import Response, Transport

HEADER: Final = "traceparent"
_SPAN: Final = 8  # bytes


class Trace(NamedTuple):
    """A trace: its ``id`` (32 hexadecimal digits, "" for no trace) and ``flags`` (2, of which the last bit says: sampled)."""

    id: str = ""
    flags: str = "00"


NO_TRACE: Final = Trace()


class Traced:
    """A transport for one question, which sends a trace along: each call is a span of it."""

    def __init__(self, transport: Transport, trace: Trace, question: str) -> None:
        """Send by ``transport``; ``question`` is the id of the question, of which the ids of the spans are made."""
        self._transport = transport
        self._trace = trace
        self._question = question
        self._calls = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send ``body``; raises SourceError."""
        self._calls += 1
        span = blake2b(f"{self._question} {self._calls}".encode(), digest_size=_SPAN).hexdigest()
        sent = {**headers, HEADER: f"00-{self._trace.id}-{span}-{self._trace.flags}"}
        return await self._transport.post(url, body, sent)


def traced(transport: Transport, trace: Trace, question: str) -> Transport:
    """Return ``transport``, with the trace going along where there is one."""
    return Traced(transport, trace, question) if trace.id else transport
