"""Whatever the platform writes itself, one Task says of each person whether something is unread in a thread."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, Json, Room, asked, ref, room

from fhir_server.access.actor import local_system
from fhir_server.errors import Conflict
from fhir_server.interactions.bundle import process
from fhir_server.interactions.call import WHOLE_SYSTEM, Call

_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url = ""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_server").create(f"single_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("single"), url) as found:
        yield found


def mark(thread: str, owner: str, **more: object) -> Json:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "basedOn": [ref(thread)],
        "for": ref(CLIENT),
        "owner": ref(owner),
        **more,
    }


def sent(hub: Room, *resources: Json) -> None:
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}} for each in resources
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    now = hub.services.clock()
    hub.runner.run(process(Call(hub.services, local_system(), "batch", WHOLE_SYSTEM, body=body, request="q", now=now)))


def own(hub: Room, thread: str, owner: str) -> Json:
    (found,) = [
        each for each in hub.stored("Task") if each["basedOn"][0]["reference"] == thread and each["owner"]["reference"] == owner
    ]
    return found


def test_a_second_task_is_refused_and_what_is_there_can_be_changed(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    for given in (mark(thread, NURSE), mark(thread, NURSE, id="own-id"), mark(thread, NURSE, status="completed")):
        with pytest.raises(Conflict) as refused:
            hub.write(SYSTEM, given)
        assert refused.value.issues[0].detail == "second-reader-task"
    there = own(hub, thread, NURSE)
    hub.write(SYSTEM, {**there, "status": "completed"})
    with pytest.raises(Conflict):
        hub.write(SYSTEM, {**there, "owner": ref(DOCTOR)})
    assert hub.tasks(thread)[NURSE][0] == "completed"
    hub.receipt(DOCTOR, thread)
    assert DOCTOR not in hub.unread(thread)


def test_what_marks_nothing_or_nobody_yet_is_taken(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NURSE])
    hub.write(SYSTEM, mark(thread, NURSE, code={"text": "call her"}))
    hub.write(SYSTEM, mark(thread, NURSE, intent="plan"))
    hub.write(SYSTEM, mark(thread, OUTSIDER))
    assert own(hub, thread, OUTSIDER)["status"] == "requested"
    with pytest.raises(Conflict):
        hub.write(SYSTEM, mark(thread, OUTSIDER))


def test_a_code_that_is_taken_away_makes_no_second_one(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NURSE])
    id_ = hub.write(SYSTEM, mark(thread, NURSE, code={"text": "call her"})).id
    with pytest.raises(Conflict):
        hub.write(SYSTEM, mark(thread, NURSE, id=id_))
    moved = hub.thread(DAUGHTER, [NURSE])
    with pytest.raises(Conflict):
        hub.write(SYSTEM, {**own(hub, moved, NURSE), "basedOn": [ref(thread)]})


def test_a_transaction_makes_one_too(hub: Room) -> None:
    given = {**asked(DAUGHTER, [NETWORK]), "id": "own-thread"}
    with pytest.raises(Conflict, match="made with the thread"):
        sent(hub, given, mark("CommunicationRequest/own-thread", NURSE, id="own-mark"))
    assert not [each for each in hub.stored("CommunicationRequest") if each["id"] == "own-thread"]
    thread = hub.thread(DAUGHTER, [DOCTOR])
    with pytest.raises(Conflict):
        sent(hub, mark(thread, OUTSIDER, id="one"), mark(thread, OUTSIDER, id="two"))
    there = own(hub, thread, DOCTOR)
    sent(hub, {**there, "owner": ref(OUTSIDER)}, mark(thread, DOCTOR, id="in-its-place"))
    assert hub.unread(thread) == {DOCTOR, OUTSIDER}
