"""Monthly figures per organisation, as a MeasureReport without anybody's data: what is under 5 is suppressed (SEC-28).

Nor can it be worked out from the rest: when few are suppressed, the next smallest are too, or else the total.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fhir_server.model.meta import instant

FEW: Final = 5
MEASURES: Final = ("messages", "views", "errors", "active-users", "log-ins")
_MEASURE: Final = "https://netwerkdossier.example/fhir/Measure/usage"
_CODES: Final = "https://netwerkdossier.example/fhir/CodeSystem/usage"
_MESSAGES: Final = frozenset({"Communication", "CommunicationRequest"})
_VIEWS: Final = frozenset({"read", "vread", "history-instance", "history-type", "history-system", "search-type", "search-system"})
_LOG_INS: Final = frozenset({"login", "authorize"})
_MACHINES: Final = frozenset({"", "system", "source"})
_FAILED: Final = 400
_MASKED: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


class Figure(NamedTuple):
    """How many requests of one kind one actor made with one outcome (HTTP status) for one organisation."""

    organisation: str
    actor: str
    role: str
    interaction: str
    type: str
    status: int
    number: int


class Cells(NamedTuple):
    """The figures of one measure: by organisation, and together; None where it is suppressed."""

    organisations: Mapping[str, int | None]
    total: int | None


def measured(figures: Iterable[Figure]) -> dict[str, Cells]:
    """Return the figures of each measure, suppressed where they are small."""
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in MEASURES}
    users: dict[str, set[str]] = defaultdict(set)
    organisations = set()
    for each in figures:
        organisations.add(each.organisation)
        for name in _counted(each):
            counts[name][each.organisation] += each.number
        if each.role not in _MACHINES and each.status < _FAILED:
            users[each.organisation].add(each.actor)
    counts["active-users"] = {name: len(people) for name, people in users.items()}
    people = set().union(*users.values())
    totals = {name: sum(cells.values()) for name, cells in counts.items()} | {"active-users": len(people)}
    return {name: suppressed({each: counts[name].get(each, 0) for each in organisations}, totals[name]) for name in MEASURES}


def _counted(figure: Figure) -> Iterable[str]:
    if figure.status >= _FAILED:
        yield "errors"
    elif figure.interaction == "create" and figure.type in _MESSAGES:
        yield "messages"
    elif figure.interaction in _VIEWS:
        yield "views"
    elif figure.interaction in _LOG_INS:
        yield "log-ins"


def suppressed(cells: Mapping[str, int], total: int) -> Cells:
    """Return ``cells`` without those of 1 to 4, and without as many more as keep ``total`` from betraying them.

    Nobody who subtracts what is shown from the total learns less than that several cells come to 5 at least.
    """
    hidden = {name for name, count in cells.items() if 0 < count < FEW}
    left = sorted(((count, name) for name, count in cells.items() if count >= FEW), reverse=True)
    while hidden and left and not _safe(cells, hidden, total):
        hidden.add(left.pop()[1])
    shown = {name: None if name in hidden else count for name, count in sorted(cells.items())}
    if 0 < total < FEW or (hidden and not _safe(cells, hidden, total)):
        return Cells(shown, None)
    return Cells(shown, total)


def _safe(cells: Mapping[str, int], hidden: set[str], total: int) -> bool:
    rest = total - sum(count for name, count in cells.items() if name not in hidden)
    return len(hidden) > 1 and rest >= FEW and max(cells[name] for name in hidden) <= rest - 1


def measure_report(
    figures: Iterable[Figure], start: int, end: int, now: int, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the MeasureReport (https://hl7.org/fhir/R4/measurereport.html) of the time from ``start`` to ``end`` (microseconds).

    ``names`` are those of the organisations.
    """
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": _MEASURE,
        "date": instant(now),
        "period": {"start": instant(start), "end": instant(end - 1000)},
        "group": [_group(name, cells, names or {}) for name, cells in measured(figures).items()],
    }


def _group(name: str, cells: Cells, names: Mapping[str, str]) -> dict[str, Any]:
    group: dict[str, Any] = {"code": {"coding": [{"system": _CODES, "code": name}]}, "measureScore": _score(cells.total)}
    strata = [
        {"value": {"text": names.get(each) or each or "no organisation"}, "measureScore": _score(count)}
        for each, count in cells.organisations.items()
    ]
    if strata:
        group["stratifier"] = [{"code": [{"text": "organisation"}], "stratum": strata}]
    return group


def _score(count: int | None) -> dict[str, Any]:
    return _MASKED if count is None else {"value": count}
