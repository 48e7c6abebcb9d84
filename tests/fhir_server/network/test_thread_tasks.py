"""Who has something unread, as pure rules: marks in, marks out."""

import pytest

from fhir_server.network.audience import people
from fhir_server.network.message_thread import thread_of, threads_of
from fhir_server.network.reader_task import id_of, is_reader_task, mark_of, reader_task
from fhir_server.network.receipt import receipt_of
from fhir_server.network.thread_tasks import Mark, begun, ended, posted, reached, read, retracted

AT = 1_767_607_200_000_000  # 2026-01-05T10:00:00Z
A, B, C = "Practitioner/a", "Practitioner/b", "RelatedPerson/c"
UNREAD, READ, OVER = Mark("requested", "m/1"), Mark("completed", "m/1"), Mark("cancelled", "m/1")


def test_a_thread_begins_read_for_its_requester() -> None:
    assert begun([A, C], [C], by_team=False) == {A: Mark("requested"), C: Mark("completed")}


def test_a_requester_outside_the_audience_has_a_mark_too() -> None:
    assert begun([A], [C], by_team=False) == {A: Mark("requested"), C: Mark("completed")}


def test_a_team_that_begins_has_no_marks_before_the_first_reply() -> None:
    assert begun([A], [C], by_team=True) == {A: Mark("requested")}


def test_a_requester_under_another_reference_is_the_same_person() -> None:
    assert begun([A, C], ["RelatedPerson/c2", C], by_team=False) == {A: Mark("requested"), C: Mark("completed")}


def test_a_message_is_read_by_its_side_and_unread_for_the_others() -> None:
    assert posted({A: READ, B: UNREAD}, [A, B, C], {B}, "m/2") == {
        A: Mark("requested", "m/2"),
        B: Mark("completed", "m/2"),
        C: Mark("requested", "m/2"),
    }


def test_a_mark_outside_the_audience_stays() -> None:
    assert posted({A: OVER}, [B], {B}, "m/2") == {A: OVER, B: Mark("completed", "m/2")}


@pytest.mark.parametrize(("mark", "after"), [(UNREAD, READ), (READ, READ), (OVER, OVER)])
def test_reading_ends_what_is_unread(mark: Mark, after: Mark) -> None:
    assert read({A: mark, B: UNREAD}, {A}) == {A: after, B: UNREAD}


@pytest.mark.parametrize(("mark", "after"), [(UNREAD, OVER), (READ, READ), (OVER, OVER)])
def test_closing_ends_waiting(mark: Mark, after: Mark) -> None:
    assert ended({A: mark}) == {A: after}


@pytest.mark.parametrize(
    ("marks", "before", "after", "expected"),
    [
        ({}, [], [A], {A: Mark("requested", "m/9")}),
        ({A: UNREAD}, [A], [], {A: OVER}),
        ({A: READ}, [A], [], {A: READ}),
        ({A: OVER}, [], [A], {A: Mark("requested", "m/9")}),
        ({A: READ}, [], [A], {A: READ}),
        ({A: UNREAD}, [A], [A], {A: UNREAD}),
        ({A: UNREAD}, [], [A], {A: UNREAD}),
    ],
)
def test_who_comes_and_goes(marks: dict[str, Mark], before: list[str], after: list[str], expected: dict[str, Mark]) -> None:
    assert reached(marks, before, after, "m/9") == expected


def test_a_message_taken_back_leaves_the_newest_one() -> None:
    marks = {A: Mark("requested", "m/2"), B: Mark("requested", "m/2"), C: Mark("completed", "m/1")}
    assert retracted(marks, "m/2", "m/1", {A}) == {A: READ, B: UNREAD, C: Mark("completed", "m/1")}


def _team(id_: str, *members: str, **more: object) -> dict[str, object]:
    participants = [{"member": {"reference": each}} for each in members]
    return {"resourceType": "CareTeam", "id": id_, "status": "active", "participant": participants, **more}


def test_teams_in_teams_are_gone_through_once() -> None:
    teams = {"CareTeam/x": _team("x", A, "CareTeam/y"), "CareTeam/y": _team("y", B, "CareTeam/x", A)}
    assert people(["CareTeam/x", C], teams, AT) == (C, A, B)


@pytest.mark.parametrize(
    "more",
    [
        {"status": "inactive"},
        {"period": {"end": "2026-01-04"}},
        {"participant": [{"member": {"reference": A}, "period": {"start": "2026-01-06"}}]},
        {"participant": [{"member": {"reference": A}, "period": {"end": "2026-01-05T09:59:59Z"}}]},
        {"participant": [{"member": {"reference": "Organization/a"}}, {"role": [{"text": "nobody"}]}]},
    ],
)
def test_a_team_that_is_over_reaches_nobody(more: dict[str, object]) -> None:
    assert people(["CareTeam/x"], {"CareTeam/x": _team("x", A) | more}, AT) == ()


THREAD = thread_of(
    {
        "id": "t",
        "status": "active",
        "subject": {"reference": "https://hub/fhir/Patient/p"},
        "requester": {"reference": C},
        "recipient": [{"reference": "CareTeam/x"}, {"reference": "CareTeam/x"}, {"display": "nobody"}],
    },
    "https://hub/fhir",
)


def test_a_thread_is_read_with_references_of_any_form() -> None:
    assert (THREAD.subject, THREAD.recipients, THREAD.sender_team, THREAD.closed) == ("Patient/p", ("CareTeam/x",), "", False)
    assert threads_of({"partOf": [{"reference": "CommunicationRequest/t/_history/2"}, {"reference": "Task/1"}]}) == (
        THREAD.reference,
    )


def test_a_task_says_what_the_mark_is() -> None:
    first = reader_task(THREAD, A, Mark("requested"), AT, None)
    assert first["id"] == id_of(THREAD.reference, A)
    assert "focus" not in first
    assert is_reader_task(first)
    second = reader_task(THREAD, A, Mark("completed", "Communication/m"), AT + 1_000_000, {**first, "note": [{"text": "kept"}]})
    assert mark_of(second) == Mark("completed", "Communication/m")
    assert second["note"] == [{"text": "kept"}]
    assert second["lastModified"] == "2026-01-05T10:00:01.000Z"
    assert not is_reader_task({**first, "code": {"text": "something to do"}})


def test_a_message_that_is_older_moves_no_focus() -> None:
    newer = reader_task(THREAD, A, Mark("completed", "Communication/2"), AT, None)
    older = reader_task(THREAD, A, Mark("requested", "Communication/1"), AT - 1_000_000, newer)
    assert older == {**newer, "status": "requested"}


ENTITIES = [{"what": {"reference": "CommunicationRequest/t/_history/1"}}, {"what": {"reference": "Communication/m"}}]
ACCESS = {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"}
REST = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"}
READING = {"system": "http://hl7.org/fhir/restful-interaction", "code": "read"}


@pytest.mark.parametrize(
    ("event", "is_one"),
    [
        ({"type": ACCESS, "action": "R"}, True),
        ({"type": REST, "subtype": [READING], "action": "R"}, True),
        ({"type": REST, "subtype": [{**READING, "code": "search"}], "action": "R"}, False),
        ({"type": REST, "action": "R"}, False),
        ({"type": ACCESS, "action": "C"}, False),
        ({"type": {**ACCESS, "code": "transmit"}, "action": "R"}, False),
        ({"type": ACCESS, "action": "R", "entity": [{"what": {"reference": "Patient/p"}}]}, False),
    ],
)
def test_what_counts_as_a_receipt(event: dict[str, object], *, is_one: bool) -> None:
    agents = [{"who": {"reference": C}, "requestor": True}, {"who": {"reference": A}, "requestor": False}]
    found = receipt_of({"agent": agents, "entity": ENTITIES} | event)
    assert (found is not None) == is_one
    if found:
        assert found == ((C,), ("CommunicationRequest/t",), ("Communication/m",))
