"""The trace of a request, sent on to the sources that it asks (https://www.w3.org/TR/trace-context/).

A source gets the id of the trace and a span of its own for each call, and nothing else of what the caller sent: ``tracestate`` can
hold anything, so it stays here.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

HEADER: Final = "traceparent"
_SPAN: Final = 8  # bytes


class Trace(NamedTuple):
    """A trace: its ``id`` (32 hexadecimal digits, "" for no trace) and ``flags`` (2, of which the last bit says: sampled)."""

    id: str = ""
    flags: str = "00"


NO_TRACE: Final = Trace()


def headers(trace: Trace, question: str, call: int) -> Mapping[str, str]:
    """Return what is sent along with the ``call``-th message of the question with that id: each is a span; {} without a trace."""
    if not trace.id:
        return {}
    span = blake2b(f"{question} {call}".encode(), digest_size=_SPAN).hexdigest()
    return {HEADER: f"00-{trace.id}-{span}-{trace.flags}"}
