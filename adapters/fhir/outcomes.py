"""What a source says went wrong, by an OperationOutcome (https://hl7.org/fhir/R4/operationoutcome.html)."""

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.contract import Fault, SourceError

_FAULTS: Final[Mapping[str, Fault]] = {
    "timeout": "timeout",
    "incomplete": "timeout",
    "throttled": "throttled",
    "too-costly": "too-much",
    "too-long": "too-much",
    "not-supported": "not-supported",
    "not-found": "not-supported",
    "invalid": "not-supported",
    "value": "not-supported",
    "transient": "unreachable",
    "lock-error": "unreachable",
    "no-store": "unreachable",
    "exception": "unreachable",
    "login": "refused",
    "security": "refused",
    "expired": "refused",
    "forbidden": "refused",
    "suppressed": "refused",
    "unknown": "refused",
}
_MISSING: Final = frozenset({"incomplete", "timeout", "throttled", "too-costly", "transient", "exception"})
"""Codes by which also a warning says that not all is there."""


def check(outcome: Mapping[str, object]) -> None:
    """Raise SourceError for an outcome of which an issue says that something failed, or that something is missing.

    What it says in words stays out: it may quote patient data.
    """
    for severity, code in _issues(outcome):
        if severity in {"error", "fatal"} or code in _MISSING:
            raise SourceError(_FAULTS.get(code, "refused"), f"the source answered an OperationOutcome ({_told(code)})")


def refused(outcome: Mapping[str, object]) -> SourceError:
    """Return the error that an outcome in place of an answer is, whatever its issues say."""
    try:
        check(outcome)
    except SourceError as error:
        return error
    return SourceError("structure", "the source answered an OperationOutcome in place of what was asked")


def _issues(outcome: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    issues = outcome.get("issue")
    for each in issues if isinstance(issues, list) else ():
        if isinstance(each, dict):
            yield str(each.get("severity")), str(each.get("code"))


def _told(code: str) -> str:
    return code if code in _FAULTS else "with another code"
