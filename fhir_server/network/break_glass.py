"""What must follow when somebody breaks the glass of a dossier: its client is told, and somebody reviews whether that was right."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from fhir_server.access.break_glass import BreakGlass
from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.search.values import ZONE

Resource = dict[str, Any]

CODES: Final = f"{CANONICAL}/CodeSystem/break-glass"
NOTICE, REVIEW = "emergency-access", "review-emergency-access"
_MICROSECONDS = 1_000_000
_SATURDAY = 5


class Breaking(NamedTuple):
    """Who (``by``: "Type/id", at ``organisation``: "Organization/id" or "") broke the glass of ``patient`` at the moment ``at``.

    ``who`` and ``where`` are their names, ``at`` is in microseconds. ``id`` is that of everything that follows from it.
    """

    id: str
    patient: str
    by: str
    who: str
    organisation: str
    where: str
    at: int


def id_of(holder: str, token: str) -> str:
    """Return the id of what follows when ``holder`` ("Type/id") breaks a glass with ``token`` (its id): the same each time."""
    return f"btg-{sha256(f'{holder} {token}'.encode()).hexdigest()[:40]}"


def notice(breaking: Breaking, told: Iterable[str], settings: BreakGlass) -> Resource:
    """Return the message to the client and to those ("RelatedPerson/id") who are ``told`` besides.

    https://hl7.org/fhir/R4/communication.html. The reason is in the record, and not in here.
    """
    moment = datetime.fromtimestamp(breaking.at // _MICROSECONDS, ZONE)
    words = {
        "who": breaking.who or breaking.by,
        "organisation": breaking.where or breaking.organisation or "-",
        "date": f"{moment:%d-%m-%Y}",
        "time": f"{moment:%H:%M}",
    }
    return {
        "resourceType": "Communication",
        "id": breaking.id,
        "status": "completed",
        "category": [_concept(NOTICE)],
        "subject": {"reference": breaking.patient},
        "about": [{"reference": each} for each in (breaking.by, breaking.organisation) if each],
        "sent": instant(breaking.at),
        "recipient": [{"reference": each} for each in (breaking.patient, *told)],
        "payload": [{"contentString": text.format(**words)} for text in settings.notice.values()],
    }


def review(breaking: Breaking, owner: str, settings: BreakGlass) -> Resource:
    """Return the task of ``owner`` ("Type/id", "" for nobody yet) to look into it (https://hl7.org/fhir/R4/task.html)."""
    task = {
        "resourceType": "Task",
        "id": breaking.id,
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": _concept(REVIEW),
        "description": settings.review,
        "focus": {"reference": f"Communication/{breaking.id}"},
        "for": {"reference": breaking.patient},
        "authoredOn": instant(breaking.at),
        "restriction": {"period": {"end": due(breaking.at, settings.working_days).isoformat()}},
    }
    return {**task, "owner": {"reference": owner}} if owner else task


def due(at: int, working_days: int) -> date:
    """Return the day, where people live, that is so many working days (Monday to Friday) after the moment ``at``."""
    day = datetime.fromtimestamp(at // _MICROSECONDS, ZONE).date()
    for _ in range(working_days):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    return day


def _concept(code: str) -> Resource:
    return {"coding": [{"system": CODES, "code": code}]}
