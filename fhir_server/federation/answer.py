"""What came back from one source."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from adapters.contract import Fault, Source, Translation


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """``source`` answered the message ``request_id``; ``translation`` is what its answer says."""

    source: Source
    request_id: str
    translation: Translation


Failing = Fault | Literal["consent-unavailable"]
"""Why there is nothing of a source: a fault, or nobody could say whether it may answer."""


@dataclass(frozen=True, slots=True)
class SourceFault:
    """There is nothing of ``source`` in the answer, and why."""

    source: Source
    fault: Failing


Answer = SourceAnswer | SourceFault


def by_source(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Return one answer for each source: what went wrong with one question to it, if anything did."""
    found: dict[str, Answer] = {}
    for each in answers:
        if isinstance(each, SourceFault) or each.source.name not in found:
            found[each.source.name] = each
    return tuple(found.values())
