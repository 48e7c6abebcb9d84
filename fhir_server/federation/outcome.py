"""How an answer says what is missing in it.

R4 has the issue type ``incomplete`` for a search that not all sources answered in time
(https://hl7.org/fhir/R4/valueset-issue-type.html); the searchset carries the OperationOutcome as its first entry, with
``search.mode`` "outcome" (https://hl7.org/fhir/R4/search.html#summary).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from fhir_server.errors import FhirError, Issue, SourcesFailed, SourcesTimedOut
from fhir_server.federation.answer import Answer, Failing, SourceFault
from fhir_server.federation.origin import organisation

CODE_SYSTEM = "https://netwerkdossier.example/fhir/CodeSystem/federation-outcome"
SOURCE = "https://netwerkdossier.example/fhir/StructureDefinition/source"
HEADER = "Federation-Completeness"

Completeness = Literal["complete", "partial", "none"]
Json = dict[str, object]


class Told(NamedTuple):
    """How a fault is told: issue type, code of our CodeSystem, and what the reader may know."""

    code: str
    detail: str
    text: str


FAULTS: Mapping[Failing, Told] = {
    "timeout": Told("timeout", "source-timeout", "did not answer in time"),
    "unreachable": Told("exception", "source-unreachable", "could not be reached"),
    "refused": Told("forbidden", "source-refused", "refused the question"),
    "throttled": Told("throttled", "source-throttled", "is asked too often at this moment"),
    "not-supported": Told("not-supported", "source-not-supported", "does not answer this kind of question"),
    "structure": Told("structure", "mapping-failed", "gave an answer that could not be read"),
    "wrong-patient": Told("processing", "wrong-patient", "gave an answer about another person, which was left out"),
    "too-much": Told("too-costly", "source-too-large", "gave more than is taken at once, so that all of it was left out"),
    "consent-unavailable": Told("transient", "consent-unavailable", "was not asked: it is not known now whether it may answer"),
}


def completeness(answers: Sequence[Answer], own: int = 0) -> Completeness:
    """Say how much of what was asked is in the answer; ``own`` is 1 when the hub's own store is one more source."""
    faults = sum(isinstance(each, SourceFault) for each in answers)
    if not faults:
        return "complete"
    return "partial" if len(answers) + own > faults else "none"


def failure(answers: Sequence[Answer], own: int = 0) -> FhirError | None:
    """Return the error that the request ends in when nobody answered, None when somebody did or nobody was asked."""
    if completeness(answers, own) != "none":
        return None
    faults = [each for each in answers if isinstance(each, SourceFault)]
    issues = [_issue_of(each) for each in faults]
    if all(each.fault == "timeout" for each in faults):
        return SourcesTimedOut("No source answered in time. Try again later.", issues=issues)
    return SourcesFailed("No source gave a usable answer. Try again later.", issues=issues)


def outcome(answers: Sequence[Answer], own: int = 0) -> Json | None:
    """Return the OperationOutcome that tells which sources are missing, None when none is."""
    faults = [each for each in answers if isinstance(each, SourceFault)]
    if not faults:
        return None
    asked = len(answers) + own
    text = f"{asked - len(faults)} of {asked} sources answered; what the others hold is missing here."
    rolled_up: Json = {"severity": "warning", "code": "incomplete", "details": {"text": text}}
    return {"resourceType": "OperationOutcome", "issue": [rolled_up, *map(_entry_of, faults)]}


def entry(answers: Sequence[Answer], own: int = 0) -> Json | None:
    """Return the Bundle entry of ``outcome``."""
    told = outcome(answers, own)
    return None if told is None else {"resource": told, "search": {"mode": "outcome"}}


def _entry_of(fault: SourceFault) -> Json:
    told = FAULTS[fault.fault]
    return {
        "extension": [{"url": SOURCE, "valueReference": organisation(fault.source)}],
        "severity": "warning",
        "code": told.code,
        "details": {"coding": [{"system": CODE_SYSTEM, "code": told.detail}], "text": _text(fault)},
    }


def _issue_of(fault: SourceFault) -> Issue:
    told = FAULTS[fault.fault]
    return Issue(told.code, _text(fault), detail=told.detail)


def _text(fault: SourceFault) -> str:
    return f"{organisation(fault.source)['display']} {FAULTS[fault.fault].text}."
