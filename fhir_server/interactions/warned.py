"""What who writes is warned of, though it was stored: beside the answer, and in a header that holds no patient data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import Issue
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.network.identifier_rules import broken

STORED: Final = Issue("informational", "Stored.", severity="information")
_HEADER: Final = '199 - "Stored with warnings: Prefer: return=OperationOutcome tells which"'


def look_at(call: Call, resource: Mapping[str, Any]) -> None:
    """Note what ``resource``, as it was sent, is to be warned of; it replaces what was noted before."""
    call.warnings[:] = broken(resource)


def warned(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` with the warnings of ``call``."""
    if not call.warnings:
        return answer
    return replace(answer, warnings=tuple(call.warnings), headers=(*answer.headers, ("warning", _HEADER)))


def outcome(call: Call) -> bytes:
    """Return the OperationOutcome of what was stored."""
    return write(operation_outcome([STORED, *call.warnings]))
