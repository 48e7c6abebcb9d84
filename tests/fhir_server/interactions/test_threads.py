"""What follows from writing in threads, as the store has it afterwards: one Task per person, in the same transaction."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from dossier_room import (
    AIDE,
    CHEMIST,
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NETWORK,
    NETWORK_MEMBERS,
    NURSE,
    PHARMACY,
    SYSTEM,
    TECHNICIAN,
    TEMP,
    WARD,
    WARD_MEMBERS,
    Room,
    message,
    ref,
    room,
    team,
)
from engines import PostgresServer

from fhir_server.errors import FhirError, Unprocessable

_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"threads_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("threads"), database) as found:
        yield found


@pytest.fixture
def hub(opened: Room) -> Iterator[Room]:
    """Give the hub with its teams as they were in the beginning."""
    yield opened
    opened.write(SYSTEM, team(NETWORK, NETWORK_MEMBERS, CLIENT))
    opened.write(SYSTEM, team(WARD, WARD_MEMBERS))


def test_a_thread_is_unread_for_everybody_but_who_began_it(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    assert hub.tasks(thread) == {
        DAUGHTER: ("completed", "", 1),
        **dict.fromkeys((NURSE, DOCTOR, AIDE), ("requested", "", 1)),
    }
    task = next(each for each in hub.stored("Task") if each["owner"]["reference"] == NURSE and each["basedOn"] == [ref(thread)])
    assert task["for"] == ref(CLIENT)
    assert task["intent"] == "order"


def test_a_reply_moves_the_focus_of_everybody(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    first = hub.reply(NURSE, thread)
    assert hub.tasks(thread) == {
        NURSE: ("completed", first, 2),
        **dict.fromkeys((DAUGHTER, DOCTOR, AIDE), ("requested", first, 2)),
    }
    second = hub.reply(NURSE, thread)
    assert hub.tasks(thread)[DOCTOR] == ("requested", second, 3)


def test_a_reply_without_subject_is_in_the_dossier_of_its_thread(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    reply = hub.reply(NURSE, thread)
    seen = hub.runner.run(hub.services.repository.read(hub.services.gate.obliged("Communication", CLIENT), *reply.split("/")))
    assert seen is not None
    assert seen.visible


def test_a_status_that_changes_leaves_the_tasks_alone(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK], status="draft")
    before = hub.tasks(thread)
    stored = next(each for each in hub.stored("CommunicationRequest") if each["id"] == thread.partition("/")[2])
    hub.write(SYSTEM, stored | {"status": "active"})
    assert hub.tasks(thread) == before


def test_a_receipt_is_for_who_read_alone(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    reply = hub.reply(DOCTOR, thread)
    before = hub.tasks(thread)
    hub.receipt(NURSE, thread, f"{reply}/_history/1")
    assert hub.unread(thread) == {DAUGHTER, AIDE}
    hub.receipt(DAUGHTER, reply)  # the message alone says of which thread it is
    assert hub.tasks(thread) == before | {NURSE: ("completed", reply, 3), DAUGHTER: ("completed", reply, 3)}


def test_between_departments_colleagues_stand_in_for_each_other(hub: Room) -> None:
    hub.write(SYSTEM, team(NETWORK, (*NETWORK_MEMBERS, CHEMIST, TECHNICIAN), CLIENT))
    thread = hub.thread(CHEMIST, [WARD], PHARMACY)
    assert hub.tasks(thread) == dict.fromkeys((NURSE, AIDE), ("requested", "", 1))
    reply = hub.reply(NURSE, thread)
    assert hub.tasks(thread) == {
        NURSE: ("completed", reply, 2),
        AIDE: ("completed", reply, 2),
        CHEMIST: ("requested", reply, 1),
        TECHNICIAN: ("requested", reply, 1),
    }
    again = hub.reply(TECHNICIAN, thread)
    assert hub.unread(thread) == {NURSE, AIDE}
    hub.receipt(AIDE, thread, again)
    assert hub.unread(thread) == set()


def test_who_joins_has_it_unread_and_who_leaves_is_waited_for_no_longer(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    reply = hub.reply(DAUGHTER, thread)
    changed = team(NETWORK, (DAUGHTER, NURSE, WARD, TEMP), CLIENT)
    hub.write(SYSTEM, changed)
    assert hub.tasks(thread)[TEMP] == ("requested", reply, 1)
    assert hub.tasks(thread)[DOCTOR][0] == "cancelled"
    hub.write(SYSTEM, changed | {"name": "again"})
    assert hub.tasks(thread)[TEMP] == ("requested", reply, 1)
    hub.write(SYSTEM, team(WARD, (NURSE, TECHNICIAN)))
    assert hub.tasks(thread)[TECHNICIAN] == ("requested", reply, 1)
    assert hub.tasks(thread)[AIDE][0] == "cancelled"
    hub.write(SYSTEM, team(WARD, WARD_MEMBERS))
    assert hub.tasks(thread)[AIDE][0] == "requested"


def test_who_began_it_and_left_gets_nothing_more(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    hub.reply(NURSE, thread)
    hub.write(SYSTEM, team(NETWORK, (NURSE, DOCTOR, WARD), CLIENT))
    assert hub.tasks(thread)[DAUGHTER][0] == "cancelled"
    hub.reply(NURSE, thread)
    assert hub.tasks(thread)[DAUGHTER][0] == "cancelled"


def test_what_was_unread_is_so_again_for_everybody_when_the_network_is_active_again(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    hub.reply(NURSE, thread)
    before = hub.tasks(thread)
    assert before[DAUGHTER][0] == "requested"
    network = team(NETWORK, NETWORK_MEMBERS, CLIENT)
    hub.write(SYSTEM, network | {"status": "inactive"})
    assert hub.unread(thread) == set()
    hub.write(SYSTEM, network)
    assert {owner: each[:2] for owner, each in hub.tasks(thread).items()} == {owner: each[:2] for owner, each in before.items()}
    hub.write(SYSTEM, team(NETWORK, [each for each in NETWORK_MEMBERS if each != DAUGHTER], CLIENT))
    assert DAUGHTER not in hub.unread(thread)
    hub.write(SYSTEM, network)
    assert DAUGHTER in hub.unread(thread)


@pytest.mark.parametrize("status", ["revoked", "completed", "entered-in-error"])
def test_nobody_replies_in_a_closed_thread(hub: Room, status: str) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    hub.receipt(NURSE, thread)
    stored = next(each for each in hub.stored("CommunicationRequest") if each["id"] == thread.partition("/")[2])
    hub.write(SYSTEM, stored | {"status": status})
    assert {who: found[0] for who, found in hub.tasks(thread).items()} == {
        DAUGHTER: "completed",
        NURSE: "completed",
        DOCTOR: "cancelled",
        AIDE: "cancelled",
    }
    many = len(hub.stored("Communication"))
    with pytest.raises(Unprocessable) as refused:
        hub.reply(NURSE, thread)
    assert refused.value.issues[0].detail == "thread-closed"
    assert len(hub.stored("Communication")) == many


def test_a_message_that_is_taken_back_is_nobodys_focus(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    first = hub.reply(NURSE, thread)
    second = hub.reply(DOCTOR, thread)
    stored = next(each for each in hub.stored("Communication") if each["id"] == second.partition("/")[2])
    hub.write(SYSTEM, stored | {"status": "entered-in-error"})
    assert {focus for _, focus, _ in hub.tasks(thread).values()} == {first}
    assert hub.unread(thread) == {DAUGHTER, AIDE}


def test_replies_at_once_leave_one_task_each(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])

    async def all_at_once() -> list[str]:
        replies = [hub.writing(who, message(who, thread)) for who in (NURSE, DAUGHTER) * 10]
        return [f"Communication/{each.id}" for each in await asyncio.gather(*replies)]

    sent = hub.runner.run(all_at_once())
    found = hub.tasks(thread)
    assert set(found) == {DAUGHTER, NURSE, DOCTOR, AIDE}
    assert found[DOCTOR][2] == 1 + len(sent)
    assert {focus for _, focus, _ in found.values()} <= set(sent)
    assert len({focus for _, focus, _ in found.values()}) == 1


def test_a_reply_to_a_thread_that_is_not_seen_is_refused(hub: Room) -> None:
    thread = hub.thread(DAUGHTER, [NETWORK])
    before = hub.tasks(thread)
    for reference in (thread, "CommunicationRequest/none"):
        with pytest.raises(FhirError):
            hub.reply(TEMP, reference)
    assert hub.tasks(thread) == before
