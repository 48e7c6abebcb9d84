"""What a client chose about being told who saw their data, and the message that tells it.

The choice is a Task that the client owns (https://hl7.org/fhir/R4/task.html); its period begins where nothing was told yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from fhir_server.audit.access_log import Entry
from fhir_server.audit.texts import Texts
from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.participation import reference
from fhir_server.search.values import span
from fhir_server.storage.repository import AuditRow

Resource = dict[str, Any]

CODES: Final = f"{CANONICAL}/CodeSystem/access-notice"
CHOICE, NOTICE = "access-notices", "access-notice"
ON, OFF = "in-progress", "cancelled"
MOST: Final = 100
"""Entries that one notice tells; where there are more it says so."""
_PREFIX: Final = "access-"
_TOLD: Final = "$notify"
_SHOWN: Final = ("action", "data", "purpose", "basis", "outcome", "sources")
_DESCRIPTION: Final = "Who saw or used the client's data is told to the client, at most once a day."


class Told(NamedTuple):
    """The notice of what was done with the data of ``client`` from ``since`` until ``until`` (microseconds)."""

    client: str
    since: int
    until: int

    @property
    def id(self) -> str:
        """The id of the notice: the same for the same client and beginning, so that it is told once."""
        return _PREFIX + _hash(f"{self.client} {self.since}")


def id_of(client: str) -> str:
    """Return the id of the Task with the choice of ``client`` ("Patient/id")."""
    return _PREFIX + _hash(client)


def chosen(client: str, previous: Mapping[str, Any] | None, now: int, *, on: bool) -> Resource:
    """Return the choice of ``client`` as it is from ``now`` (microseconds) on, after ``previous``."""
    made = {
        "resourceType": "Task",
        "id": id_of(client),
        "status": ON if on else OFF,
        "intent": "order",
        "code": _concept(CHOICE),
        "description": _DESCRIPTION,
        "for": reference(client),
        "executionPeriod": {"start": instant(now)},
        "authoredOn": text(previous or {}, "authoredOn") or instant(now),
        "lastModified": instant(now),
        "owner": reference(client),
    }
    return made if on else {**made, "executionPeriod": mapped(previous or {}, "executionPeriod") or {"start": instant(now)}}


def is_on(choice: Mapping[str, Any] | None) -> bool:
    """Tell whether a client is to be told; not where nothing was chosen."""
    return choice is not None and text(choice, "status") == ON


def told_until(choice: Mapping[str, Any]) -> int:
    """Return from when on (microseconds) accesses are to be told."""
    return span(str(mapped(choice, "executionPeriod")["start"])).low


def after(choice: Mapping[str, Any], until: int, now: int) -> Resource:
    """Return the choice when everything before ``until`` was told, at the moment ``now``."""
    return {**choice, "executionPeriod": {"start": instant(until)}, "lastModified": instant(now)}


def concerns(line: AuditRow, client: str, hub: str) -> bool:
    """Tell whether a line is about what others than the ``client`` and the ``hub`` ("Type/id") itself did with the data.

    Whoever is told that something changed saw nothing of it. A representative who reads a notice is no news, or each notice would
    be the reason for the next.
    """
    if line.actor in {client, hub} or line.interaction == _TOLD:
        return False
    return not (line.role == "related-person" and line.id.startswith(_PREFIX))


def notice(told: Told, people: Iterable[str], entries: Iterable[tuple[Texts, Sequence[Entry]]], now: int) -> Resource:
    """Return the message to the client and to those ("RelatedPerson/id") who represent them, once in each language.

    https://hl7.org/fhir/R4/communication.html
    """
    return {
        "resourceType": "Communication",
        "id": told.id,
        "status": "completed",
        "category": [_concept(NOTICE)],
        "subject": reference(told.client),
        "sent": instant(now),
        "recipient": [reference(each) for each in (told.client, *people)],
        "payload": [{"contentString": _words(texts, found)} for texts, found in entries],
    }


def _words(texts: Texts, entries: Sequence[Entry]) -> str:
    more = [texts.of("words", "notice-more")] if len(entries) > MOST else []
    return "\n".join([texts.of("words", "notice"), *(_line(texts, each) for each in entries[:MOST]), *more])


def _line(texts: Texts, entry: Entry) -> str:
    who = ", ".join(filter(None, (entry.who, entry.role, entry.organisation)))
    told = entry._asdict()
    parts = [f"{texts.of('words', name)}: {told[name]}" for name in _SHOWN if told[name]]
    times = [f"{texts.of('words', 'count')}: {entry.times}"]
    emergency = [texts.of("words", "emergency")] if entry.emergency else []
    return f"- {entry.date}, {who}. {'; '.join([*emergency, *parts, *times])}."


def _concept(code: str) -> Resource:
    return {"coding": [{"system": CODES, "code": code}]}


def _hash(text_: str) -> str:
    return blake2b(text_.encode(), digest_size=16).hexdigest()
