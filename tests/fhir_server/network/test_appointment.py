"""Who may make, answer, move and call off an appointment, and whose answer is waited for."""

from typing import Any

import pytest

from fhir_server.errors import FhirError
from fhir_server.network import appointment_tasks
from fhir_server.network.appointment import ORGANIZER, check
from fhir_server.validation import check as valid

Json = dict[str, Any]
CLIENT, NURSE, DOCTOR, DAUGHTER = "Patient/c", "Practitioner/n", "Practitioner/d", "RelatedPerson/m"


def visit(organizer: str = NURSE, start: str = "2026-03-02T10:00:00+01:00", status: str = "proposed", **answers: str) -> Json:
    """Return an appointment; ``answers`` are the statuses of client, nurse, doctor and daughter."""
    actors = {"client": CLIENT, "nurse": NURSE, "doctor": DOCTOR, "daughter": DAUGHTER, "other": "Patient/other"}
    given = answers or {"client": "needs-action", "nurse": "accepted", "doctor": "needs-action"}
    extension = [{"url": ORGANIZER, "valueReference": {"reference": organizer}}] if organizer else []
    return {
        "resourceType": "Appointment",
        "id": "a",
        **({"extension": extension} if extension else {}),
        "status": status,
        "start": start,
        "end": "2026-03-02T11:00:00+01:00",
        "participant": [{"actor": {"reference": actors[who]}, "status": answer} for who, answer in given.items()],
    }


def refusal(after: Json, before: Json | None, *people: str) -> str:
    try:
        check(after, before, people)
    except FhirError as error:
        return error.issues[0].detail
    return ""


PLAIN = {"client": "needs-action", "nurse": "accepted", "doctor": "needs-action"}
YES = PLAIN | {"client": "accepted", "doctor": "declined"}


@pytest.mark.parametrize(
    ("after", "before", "who", "expected"),
    [
        (visit(), None, NURSE, ""),
        (visit(""), None, NURSE, ""),
        (visit(CLIENT), None, CLIENT, "appointment-answer-of-another"),
        (visit(CLIENT, client="accepted", nurse="needs-action"), None, CLIENT, ""),
        (visit(), None, DAUGHTER, "appointment-not-in-it"),
        (visit(DOCTOR), None, NURSE, "appointment-organizer"),
        (visit(nurse="accepted"), None, NURSE, "appointment-client"),
        (visit(nurse="accepted", client="needs-action", other="needs-action"), None, NURSE, "appointment-client"),
        (visit(nurse="accepted", client="accepted"), None, NURSE, "appointment-answer-of-another"),
        # Everybody answers for themselves.
        (visit(**PLAIN | {"doctor": "accepted"}), visit(), DOCTOR, ""),
        (visit(**PLAIN | {"client": "declined"}), visit(), CLIENT, ""),
        (visit(**PLAIN | {"client": "accepted"}), visit(), DOCTOR, "appointment-not-organizer"),
        (visit(**PLAIN | {"client": "accepted"}), visit(), NURSE, "appointment-answer-of-another"),
        (visit(**PLAIN | {"doctor": "accepted"}), visit(), DAUGHTER, "appointment-not-in-it"),
        (visit(**PLAIN | {"daughter": "accepted"}), visit(), DAUGHTER, "appointment-not-in-it"),
        # The rest is for who organises it, and for the client.
        (visit(status="cancelled"), visit(), DOCTOR, "appointment-not-organizer"),
        (visit(status="cancelled"), visit(), NURSE, ""),
        (visit(status="cancelled"), visit(), CLIENT, ""),
        (visit("", status="cancelled"), visit(""), DOCTOR, ""),
        (visit("", status="cancelled"), visit(), DOCTOR, "appointment-not-organizer"),
        (visit(start="2026-03-02T10:30:00+01:00"), visit(), DOCTOR, "appointment-not-organizer"),
        (visit(start="2026-03-02T10:30:00+01:00"), visit(), NURSE, ""),
        (visit(start="2026-03-02T10:30:00+01:00", **YES), visit(**YES), NURSE, "appointment-answer-outdated"),
        (visit(start="2026-03-02T10:30:00+01:00", **YES | {"client": "needs-action"}), visit(**YES), NURSE, ""),
        (visit(status="booked", **YES), visit(**YES), NURSE, ""),
        (visit(DOCTOR), visit(), NURSE, ""),
        (visit(DAUGHTER), visit(), NURSE, "appointment-organizer"),
        (visit(other="needs-action", nurse="accepted"), visit(), NURSE, "appointment-client"),
    ],
)
def test_who_may_do_what(after: Json, before: Json | None, who: str, expected: str) -> None:
    assert refusal(after, before, who) == expected


def test_a_person_of_several_references_answers_with_each() -> None:
    assert refusal(visit(**PLAIN | {"doctor": "accepted"}), visit(), "PractitionerRole/x", DOCTOR) == ""


@pytest.mark.parametrize(
    ("appointment", "known", "expected"),
    [
        (visit(), {}, {CLIENT: "requested", DOCTOR: "requested"}),
        (visit(**YES), {CLIENT: "requested", DOCTOR: "requested"}, {CLIENT: "completed", DOCTOR: "completed"}),
        (visit(**YES), {}, {}),
        (visit(), {CLIENT: "completed"}, {CLIENT: "requested", DOCTOR: "requested"}),
        (visit(status="cancelled"), {CLIENT: "requested", DOCTOR: "completed"}, {CLIENT: "cancelled", DOCTOR: "completed"}),
        (visit(status="cancelled"), {}, {}),
        (visit(nurse="accepted", client="accepted"), {DOCTOR: "requested"}, {DOCTOR: "cancelled"}),
        (visit(nurse="needs-action"), {}, {}),
    ],
)
def test_whose_answer_is_waited_for(appointment: Json, known: dict[str, str], expected: dict[str, str]) -> None:
    assert appointment_tasks.wanted(appointment, known) == expected


def test_who_is_only_told_is_not_asked() -> None:
    told = visit()
    told["participant"][2]["required"] = "information-only"
    assert appointment_tasks.wanted(told, {}) == {CLIENT: "requested"}


def test_the_task_is_valid() -> None:
    made = appointment_tasks.task(visit(), DOCTOR, "requested", 1_770_000_000_000_000, None, "")
    valid(made)
    assert made["id"] == appointment_tasks.id_of("Appointment/a", DOCTOR) != appointment_tasks.id_of("Appointment/a", CLIENT)
