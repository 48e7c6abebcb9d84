"""At which level questions close: figures without anybody's data, as a MeasureReport; what is under 5 is suppressed.

https://hl7.org/fhir/R4/measurereport.html
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fhir_server.audit.report import suppressed
from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.question import Question

_MEASURE: Final = f"{CANONICAL}/Measure/questions"
_CODES: Final = f"{CANONICAL}/CodeSystem/question-figure"
_MASKED: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
_DIGITS: Final = 2


class Closed(NamedTuple):
    """A question that was closed: on which ladder, how, at which level, and in which region ("" unknown)."""

    ladder: str
    state: str
    level: str
    region: str
    priority: str


def closed(question: Question, region: str = "") -> Closed:
    """Return what counts of a question that was closed; ``level`` is where it was answered, or was when it was withdrawn."""
    step = question.steps[question.answered_at] if question.answered_at >= 0 else question.step
    return Closed(question.ladder, question.state, step.title or step.level[1], region, question.priority)


def region_of(patient: Mapping[str, Any]) -> str:
    """Return the region of a client: the first two digits of a Dutch postcode, "" for an address without one."""
    found = (str(each.get("postalCode", "")).strip() for each in patient.get("address", ()) if isinstance(each, Mapping))
    return next((each[:_DIGITS] for each in found if each[:_DIGITS].isdigit() and len(each) > _DIGITS), "")


def measure_report(questions: Iterable[Closed], start: int, end: int, now: int) -> dict[str, Any]:
    """Return the figures of the time from ``start`` to ``end`` (microseconds): a group for each ladder, and for each region."""
    known = list(questions)
    ladders, regions = _by(known, "ladder"), _by(known, "region")
    groups = [_group("ladder", name, each) for name, each in sorted(ladders.items())]
    groups += [_group("region", name or "unknown", each) for name, each in sorted(regions.items())]
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": _MEASURE,
        "date": instant(now),
        "period": {"start": instant(start), "end": instant(end - 1000)},
        **({"group": groups} if groups else {}),
    }


def _by(questions: Iterable[Closed], name: str) -> dict[str, list[Closed]]:
    found: dict[str, list[Closed]] = defaultdict(list)
    for each in questions:
        found[getattr(each, name)].append(each)
    return found


def _group(kind: str, name: str, questions: list[Closed]) -> dict[str, Any]:
    answered = [each for each in questions if each.state == "answered"]
    return {
        "code": {"coding": [{"system": _CODES, "code": kind}], "text": name},
        "measureScore": _score(suppressed({}, len(answered)).total),
        "stratifier": [
            _stratifier("level", Counter(each.level for each in answered)),
            _stratifier("priority", Counter(each.priority for each in answered)),
            _stratifier("state", Counter(each.state for each in questions)),
        ],
    }


def _stratifier(name: str, counts: Mapping[str, int]) -> dict[str, Any]:
    cells = suppressed(counts, sum(counts.values()))
    strata = [{"value": {"text": each}, "measureScore": _score(count)} for each, count in cells.organisations.items()]
    return {"code": [{"coding": [{"system": _CODES, "code": name}]}], **({"stratum": strata} if strata else {})}


def _score(count: int | None) -> dict[str, Any]:
    return _MASKED if count is None else {"value": count}
