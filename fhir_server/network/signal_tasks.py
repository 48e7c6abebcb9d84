"""The Task to look into a signal, one for each who can (https://hl7.org/fhir/R4/task.html)."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.participation import reference
from fhir_server.network.signal import Posted, signals

SYSTEM: Final = f"{CANONICAL}/CodeSystem/dossier-task"
VERIFY: Final = "verify-signal"
WAITING, DONE, LEFT = "requested", "completed", "cancelled"

Resource = Mapping[str, Any]


def id_of(signal: str, owner: str) -> str:
    """Return the id of the Task of ``owner`` about ``signal`` (both "Type/id"): there can be one only."""
    return sha256(f"{signal} {owner} verify".encode()).hexdigest()[:40]


def task(posted: Posted, owner: str, number: int, language: str) -> dict[str, Any]:
    """Return the Task of ``owner`` for a signal; so many people (``number``) report its topic."""
    about = f"CommunicationRequest/{posted.id}"
    made = {
        "resourceType": "Task",
        "id": id_of(about, owner),
        "basedOn": [reference(about)],
        "status": WAITING,
        "intent": "order",
        "priority": signals().priority[posted.severity],
        "code": {"coding": [_code(VERIFY)]},
        "for": reference(posted.patient),
        "authoredOn": instant(posted.at),
        "lastModified": instant(posted.at),
        "requester": reference(posted.poster),
        "owner": reference(owner),
        "input": [
            {"type": {"coding": [_code("topic")]}, "valueCodeableConcept": {"coding": [dict(posted.topic)]}},
            {"type": {"coding": [_code("severity")]}, "valueCode": posted.severity},
        ],
    }
    return counted(made, number, posted.at, language)


def counted(task_: Resource, number: int, at: int, language: str) -> dict[str, Any]:
    """Return the Task with how many people report its topic."""
    rest = [each for each in listed(task_, "input") if _is_not(each, "posters")]
    counting = {"type": {"coding": [_code("posters")]}, "valuePositiveInt": number}
    words = signals().words[language]["posters"].format(days=signals().days, number=number)
    return {**task_, "description": words, "lastModified": instant(at), "input": [*rest, counting]}


def number_of(task_: Resource) -> int:
    """Return how many people report the topic, as the Task has it."""
    found = (each.get("valuePositiveInt") for each in listed(task_, "input") if not _is_not(each, "posters"))
    return next((each for each in found if isinstance(each, int)), 0)


def topic_of(task_: Resource) -> tuple[str, str]:
    """Return system and code of the topic."""
    given = (mapped(each, "valueCodeableConcept") for each in listed(task_, "input") if not _is_not(each, "topic"))
    coding: Mapping[str, Any] = next((one for each in given for one in listed(each, "coding")), {})
    return text(coding, "system"), text(coding, "code")


def is_verification(task_: Resource) -> bool:
    """Tell whether a Task asks to look into a signal."""
    return any(each.get("system") == SYSTEM and each.get("code") == VERIFY for each in listed(mapped(task_, "code"), "coding"))


def signal_of(task_: Resource, base: str = "") -> str:
    """Return the signal ("CommunicationRequest/id") that a Task is about, "" for none."""
    return next((literal(each, base) for each in listed(task_, "basedOn")), "")


def ended(task_: Resource, outcome: str, note: str, at: int) -> dict[str, Any]:
    """Return the Task of who looked into the signal."""
    return {**task_, "status": DONE, "lastModified": instant(at), "output": list(_output(outcome, note))}


def left(task_: Resource, at: int) -> dict[str, Any]:
    """Return the Task of somebody else, who need not look into it any more."""
    return {**task_, "status": LEFT, "lastModified": instant(at)}


def message(id_: str, signal: Resource, by: str, words: Sequence[str], at: int) -> dict[str, Any]:
    """Return the message that tells the poster of ``signal`` what ``by`` found."""
    return {
        "resourceType": "Communication",
        "id": id_,
        "partOf": [reference(f"CommunicationRequest/{signal['id']}")],
        "status": "completed",
        "subject": dict(mapped(signal, "subject")),
        "recipient": [dict(mapped(signal, "requester"))],
        "sender": reference(by),
        "sent": instant(at),
        "payload": [{"contentString": each} for each in words if each],
    }


def _output(outcome: str, note: str) -> Iterator[dict[str, Any]]:
    yield {"type": {"coding": [_code("outcome")]}, "valueCode": outcome}
    if note:
        yield {"type": {"coding": [_code("note")]}, "valueString": note}


def _is_not(part: Resource, code: str) -> bool:
    return all(each.get("code") != code for each in listed(mapped(part, "type"), "coding"))


def _code(code: str) -> dict[str, str]:
    return {"system": SYSTEM, "code": code}
