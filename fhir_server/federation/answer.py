"""What came back from one source."""

from dataclasses import dataclass
from typing import Literal

from adapters.contract import Fault, Source, Translation


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """``source`` answered the message ``request_id``; ``translation`` is what its answer says."""

    source: Source
    request_id: str
    translation: Translation


@dataclass(frozen=True, slots=True)
class SourceFault:
    """``source`` gave no usable answer, or was not asked since nobody could say whether it may answer ("consent-unavailable")."""

    source: Source
    fault: Fault | Literal["consent-unavailable"]


Answer = SourceAnswer | SourceFault
