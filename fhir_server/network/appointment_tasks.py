"""Who still has to answer an appointment: a Task for each person, which the answer completes (https://hl7.org/fhir/R4/task.html)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.appointment import OVER, client_of, organizer_of, people_in
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal

CODE: Final = {"system": f"{CANONICAL}/CodeSystem/dossier-task", "code": "appointment-response"}
ASKED, ANSWERED, LEFT = "requested", "completed", "cancelled"


def id_of(appointment: str, person: str) -> str:
    """Return the id of the Task of ``person`` about ``appointment`` (both "Type/id"): there can be one only."""
    return sha256(f"{appointment} {person} response".encode()).hexdigest()[:40]


def is_response(task_: Mapping[str, Any]) -> bool:
    """Tell whether a Task asks for an answer to an appointment, which nobody can give for another."""
    return any(dict(each) == CODE for each in listed(mapped(task_, "code"), "coding"))


def wanted(appointment: Mapping[str, Any], known: Mapping[str, str], base: str = "") -> dict[str, str]:
    """Return the status that the Task of each person is to have; ``known`` are those of the Tasks that there are.

    Nobody gets a Task who has answered already, or need not answer; who is no longer asked has nothing to do.
    """
    over = text(appointment, "status") in OVER
    required = {} if over else _asked(appointment, base)
    found = {who: ASKED if status == "needs-action" else ANSWERED for who, status in required.items()}
    found = {who: status for who, status in found.items() if status == ASKED or who in known}
    return found | {who: LEFT if status == ASKED else status for who, status in known.items() if who not in found}


def task(
    appointment: Mapping[str, Any], person: str, status: str, at: int, before: Mapping[str, Any] | None, base: str
) -> dict[str, Any]:
    """Return the Task of ``person`` with ``status`` at the moment ``at`` (microseconds), after ``before``, if there is one."""
    about = f"Appointment/{appointment['id']}"
    new = {
        "resourceType": "Task",
        "id": id_of(about, person),
        "intent": "order",
        "code": {"coding": [dict(CODE)]},
        "focus": {"reference": about, "type": "Appointment"},
        "for": {"reference": client_of(appointment, base), "type": "Patient"},
        "authoredOn": instant(at),
        "owner": {"reference": person, "type": person.partition("/")[0]},
    }
    return {**(before or new), "status": status, "lastModified": instant(at)}


def _asked(appointment: Mapping[str, Any], base: str) -> dict[str, str]:
    """Return the people who are to answer: not who organises it, and not who is only told."""
    told = [each for each in listed(appointment, "participant") if text(each, "required") == "information-only"]
    but = {organizer_of(appointment, base), *(literal(mapped(each, "actor"), base) for each in told)}
    return {who: status for who, status in people_in(appointment, base).items() if who not in but}
