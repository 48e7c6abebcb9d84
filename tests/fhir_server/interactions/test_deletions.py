"""A deletion leaves nothing behind that makes no sense: it is refused, or followed by what follows from an end of the resource."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from directed_room import DirectedRoom, body, directed_room, parameters
from dossier_room import (
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NETWORK,
    NURSE,
    OUTSIDER,
    SYSTEM,
    WARD,
    Json,
    Room,
    asked,
    message,
    person,
    ref,
    room,
    team,
)
from index_check import index_faults

from fhir_server.errors import Conflict
from fhir_server.validation import validate

_numbers = count()
SECOND = "CareTeam/second"


def database(request: pytest.FixtureRequest) -> str:
    if request.param != "postgres":
        return ""
    found: str = request.getfixturevalue("postgres_server").create(f"deletions_{next(_numbers)}", "template1")
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    url, folder = database(request), tmp_path_factory.mktemp("deletions")
    with directed_room(folder, url) as found:
        yield found
        assert index_faults(url or f"sqlite:///{folder}/data/hub.db", found.room.services.base) == []


@pytest.fixture
def hub(opened: DirectedRoom) -> DirectedRoom:
    opened.set_out()
    return opened


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def unchecked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url, folder = database(request), tmp_path_factory.mktemp("unchecked")
    with room(folder, url, FHIR_SERVER_REFERENTIAL_INTEGRITY="off") as found:
        yield found
        assert index_faults(url or f"sqlite:///{folder}/data/hub.db", found.services.base) == []


def work(room_: Room, owner: str) -> str:
    made: Json = {"resourceType": "Task", "status": "in-progress", "intent": "order", "code": {"text": "Bel de apotheek"}}
    return room_.write(SYSTEM, made | {"for": ref(CLIENT), "owner": ref(owner)}).id


def status(room_: Room, task: str) -> str:
    (found,) = [each for each in room_.stored("Task") if each["id"] == task]
    assert validate(found) == []
    return str(found["status"])


IN_USE = {
    "a client with a network": lambda _: CLIENT,
    "a network with a conversation": lambda hub: hub.thread(DAUGHTER, [NETWORK]) and NETWORK,
    "a conversation, which somebody has unread": lambda hub: hub.thread(DAUGHTER, [NETWORK]),
    "a conversation with a reply": lambda hub: hub.reply(NURSE, hub.thread(DAUGHTER, [NETWORK])) and hub.last,
    "a member of the network": lambda _: NURSE,
    "a relative in the network": lambda _: DAUGHTER,
    "a department in the network": lambda hub: hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER, WARD], CLIENT)) and WARD,
    "an organisation with a department": lambda _: "Organization/care",
}


class InUse:
    """What the table above needs."""

    def __init__(self, room_: Room) -> None:
        self.room, self.last = room_, ""

    def thread(self, who: str, recipients: list[str]) -> str:
        self.last = self.room.thread(who, recipients)
        return self.last

    def reply(self, who: str, thread: str) -> str:
        return self.room.reply(who, thread, subject=ref(CLIENT))


@pytest.mark.parametrize("what", IN_USE)
def test_what_is_in_use_is_not_deleted(hub: DirectedRoom, what: str) -> None:
    use: Callable[[InUse], str] = IN_USE[what]
    reference = use(InUse(hub.room))
    tasks = hub.room.stored("Task")
    with pytest.raises(Conflict) as caught:
        hub.room.delete(SYSTEM, reference)
    assert caught.value.issues[0].detail == "still-referenced"
    assert hub.room.stored("Task") == tasks


def test_the_newest_message_is_deleted_as_it_is_taken_back(hub: DirectedRoom) -> None:
    thread = hub.room.thread(DAUGHTER, [NETWORK])
    first, second = (hub.room.reply(DAUGHTER, thread, subject=ref(CLIENT)) for _ in range(2))
    assert hub.room.tasks(thread)[NURSE][:2] == ("requested", second)
    hub.room.delete(SYSTEM, second)
    assert hub.room.tasks(thread)[NURSE][:2] == ("requested", first)


def test_the_members_of_a_network_that_is_deleted_have_nothing_to_do(hub: DirectedRoom) -> None:
    hub.room.write(SYSTEM, team(SECOND, [OUTSIDER, NURSE], CLIENT))
    outsiders, nurses = work(hub.room, OUTSIDER), work(hub.room, NURSE)
    hub.room.delete(SYSTEM, SECOND)
    assert (status(hub.room, outsiders), status(hub.room, nurses)) == ("cancelled", "in-progress")  # the nurse is in the other one
    assert not hub.sees(OUTSIDER)


@pytest.mark.parametrize("end", ["inactive", "entered-in-error", "suspended"])
def test_an_invitation_to_a_network_that_is_over_is_withdrawn(hub: DirectedRoom, end: str) -> None:
    hub.room.write(SYSTEM, team(SECOND, [DAUGHTER], CLIENT))
    task = body(hub.ask(CLIENT, "$invite", SECOND, parameters(who=OUTSIDER, role="core")))["id"]
    hub.room.write(SYSTEM, team(SECOND, [DAUGHTER], CLIENT) | {"status": end})
    found = hub.task(task)
    if end == "suspended":
        assert found["status"] == "requested"
    else:
        assert (found["status"], found["businessStatus"]["coding"][0]["code"]) == ("cancelled", "withdrawn")
        assert validate(found) == []


def test_without_references_a_network_goes_with_all_that_follows(unchecked: Room) -> None:
    unchecked.write(SYSTEM, team(SECOND, [OUTSIDER], CLIENT))
    thread = f"CommunicationRequest/{unchecked.write(SYSTEM, asked(DAUGHTER, [SECOND, NURSE])).id}"
    outsiders = work(unchecked, OUTSIDER)
    assert unchecked.unread(thread) == {OUTSIDER, NURSE}
    unchecked.delete(SYSTEM, SECOND)
    assert unchecked.tasks(thread)[OUTSIDER][0] == "cancelled"
    assert unchecked.unread(thread) == {NURSE}
    assert status(unchecked, outsiders) == "cancelled"


def test_without_references_a_conversation_is_over_when_it_is_deleted(unchecked: Room) -> None:
    thread = f"CommunicationRequest/{unchecked.write(SYSTEM, asked(DAUGHTER, [NETWORK])).id}"
    assert NURSE in unchecked.unread(thread)
    unchecked.delete(SYSTEM, thread)
    assert {each for each, _, _ in unchecked.tasks(thread).values()} <= {"cancelled", "completed"}


def test_without_references_the_message_before_is_the_newest_one_again(unchecked: Room) -> None:
    thread = f"CommunicationRequest/{unchecked.write(SYSTEM, asked(DAUGHTER, [DOCTOR, NURSE])).id}"
    first, second = (f"Communication/{unchecked.write(SYSTEM, message(NURSE, thread)).id}" for _ in range(2))
    assert unchecked.tasks(thread)[DOCTOR][1] == second
    unchecked.delete(SYSTEM, second)
    assert unchecked.tasks(thread)[DOCTOR][1] == first
    unchecked.delete(SYSTEM, first)
    assert unchecked.tasks(thread)[DOCTOR][1] == ""


def test_who_is_not_in_use_is_deleted(hub: DirectedRoom) -> None:
    for reference in ("Practitioner/nobody", "Organization/nothing"):
        type_, _, id_ = reference.partition("/")
        made = person(reference) if type_ == "Practitioner" else {"resourceType": type_, "id": id_, "name": "Nothing"}
        hub.room.write(SYSTEM, made)
        assert hub.room.delete(SYSTEM, reference).status == 204
