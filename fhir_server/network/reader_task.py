"""The Task that marks a thread as read or unread for one person (https://hl7.org/fhir/R4/task.html)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.confidence import confided
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import MessageThread, literal
from fhir_server.network.thread_tasks import Mark
from fhir_server.search.rows import EARLIEST
from fhir_server.search.values import DateError, span

PROFILE: Final = "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZOTask"


def id_of(thread: str, owner: str) -> str:
    """Return the id of the Task of ``owner`` for ``thread`` (both "Type/id"): there can be one only."""
    return sha256(f"{thread} {owner}".encode()).hexdigest()[:40]


def is_reader_task(task: Mapping[str, Any]) -> bool:
    """Tell whether a Task marks a thread as read or unread; what asks for anything else has a code."""
    return "code" not in task and text(task, "intent") == "order"


def thread_of_task(task: Mapping[str, Any], base: str = "") -> str:
    """Return the thread ("CommunicationRequest/id") that the Task is about, "" for none."""
    found = (literal(each, base) for each in listed(task, "basedOn"))
    return next((each for each in found if each.startswith("CommunicationRequest/")), "")


def owner_of(task: Mapping[str, Any], base: str = "") -> str:
    """Return the owner ("Type/id"), "" for none."""
    return literal(mapped(task, "owner"), base)


def mark_of(task: Mapping[str, Any], base: str = "") -> Mark:
    """Return what the Task marks."""
    return Mark(text(task, "status"), literal(mapped(task, "focus"), base))


def reader_task(thread: MessageThread, owner: str, mark: Mark, at: int, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the Task of ``owner`` with ``mark`` at the moment ``at`` (microseconds), after ``before``, if there is one.

    What marks a thread that is told in confidence is so too. All else that stands in ``before`` stays; so does its focus when that
    is newer than ``at``, since messages that come at once may be stored in another order than that of their times.
    """
    task = {**confided(before or _new(thread, owner, at), thread.confidence), "status": mark.status}
    if before and _changed(before) > at:
        return task
    task["lastModified"] = instant(at)
    task.pop("focus", None)
    return {**task, "focus": _reference(mark.focus)} if mark.focus else task


def _changed(task: Mapping[str, Any]) -> int:
    try:
        return span(text(task, "lastModified")).low
    except DateError:
        return EARLIEST


def _new(thread: MessageThread, owner: str, at: int) -> dict[str, Any]:
    # A client may own a Task here, which OZO's own profile does not know.
    claimed = {"meta": {"profile": [PROFILE]}} if not owner.startswith("Patient/") else {}
    return {
        "resourceType": "Task",
        "id": id_of(thread.reference, owner),
        **claimed,
        "basedOn": [_reference(thread.reference)],
        "status": "",
        "intent": "order",
        **({"for": _reference(thread.subject)} if thread.subject else {}),
        "authoredOn": instant(at),
        "owner": _reference(owner),
    }


def _reference(reference: str) -> dict[str, str]:
    return {"reference": reference, "type": reference.partition("/")[0]}
