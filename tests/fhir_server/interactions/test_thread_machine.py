"""Random threads, members, messages and receipts, on a real store beside a model that knows only sets."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from dossier_room import (
    AIDE,
    CHEMIST,
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NETWORK,
    NURSE,
    PHARMACY,
    SYSTEM,
    TECHNICIAN,
    TEMP,
    WARD,
    Room,
    asked,
    message,
    read_by,
    room,
    team,
)
from engines import PostgresServer
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.search.tree import Id

EXAMPLES = examples(8)
PEOPLE = (DAUGHTER, NURSE, DOCTOR, AIDE, CHEMIST, TECHNICIAN, TEMP)
_numbers = count()


@dataclass
class Conversation:
    """A thread as the model has it: for everybody who has a Task, whether that is "unread", "read" or "over"."""

    recipients: tuple[str, ...]
    requester: str
    sender_team: str
    state: dict[str, str] = field(default_factory=dict)
    closed: bool = False


class World:
    """The model: teams as lists of members, and threads."""

    def __init__(self) -> None:
        self.teams: dict[str, list[str]] = dict(BEGINNING)
        self.threads: dict[str, Conversation] = {}

    def people(self, *references: str) -> set[str]:
        """Return everybody in ``references``, by following teams until nothing is new."""
        found, waiting = set[str](), list(references)
        while waiting:
            each = waiting.pop()
            if each and each not in found:
                found.add(each)
                waiting += self.teams.get(each, ())
        return found - set(self.teams)

    def addressed(self, thread: Conversation) -> set[str]:
        return self.people(*thread.recipients)

    def audience(self, thread: Conversation) -> set[str]:
        own = {thread.requester} if thread.requester in self.teams[NETWORK] else set()
        return self.addressed(thread) | own | self.people(thread.sender_team)

    def side(self, thread: Conversation, person: str) -> set[str]:
        departments = [each for each in (thread.sender_team, *thread.recipients) if each in (WARD, PHARMACY)]
        own = [each for each in departments if person in self.people(each)]
        return {person} | self.people(*(own[:1] if own[:1] == [thread.sender_team] else own))

    def begin(self, reference: str, thread: Conversation) -> None:
        thread.state = dict.fromkeys(self.addressed(thread), "unread")
        if not thread.sender_team or thread.requester in thread.state:
            thread.state[thread.requester] = "read"
        self.threads[reference] = thread

    def post(self, thread: Conversation, who: str) -> None:
        side = self.side(thread, who)
        thread.state |= {each: "read" if each in side else "unread" for each in self.audience(thread)}

    def read(self, thread: Conversation, who: str) -> None:
        for each in self.side(thread, who):
            if thread.state.get(each) == "unread":
                thread.state[each] = "read"

    def close(self, thread: Conversation) -> None:
        thread.closed = True
        thread.state = {who: "over" if state == "unread" else state for who, state in thread.state.items()}

    def change(self, name: str, members: list[str]) -> None:
        before = {reference: self.audience(each) for reference, each in self.threads.items()}
        self.teams[name] = members
        for reference, thread in self.threads.items():
            if not thread.closed:
                was, now = before[reference], self.audience(thread)
                for each in was - now:
                    if thread.state.get(each) == "unread":
                        thread.state[each] = "over"
                for each in (now & self.addressed(thread)) - was:
                    if thread.state.get(each, "over") == "over":
                        thread.state[each] = "unread"


BEGINNING = {
    NETWORK: [DAUGHTER, NURSE, DOCTOR, WARD],
    WARD: [NURSE, AIDE],
    PHARMACY: [CHEMIST, TECHNICIAN],
}
STATES = {"requested": "unread", "completed": "read", "cancelled": "over"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"machine_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("machine"), database) as found:
        yield found


def put(hub: Room, name: str, members: list[str]) -> None:
    hub.write(SYSTEM, team(name, members, CLIENT if name == NETWORK else ""))


def step(hub: Room, world: World, data: st.DataObject) -> None:
    """Do something at random in the hub, and the same in the model."""
    open_ = [reference for reference, each in world.threads.items() if not each.closed]
    kind = data.draw(st.sampled_from(["begin", "post", "post", "read", "team", "team", "close"] if open_ else ["begin"]))
    if kind == "begin":
        by_team = data.draw(st.booleans())
        who = data.draw(st.sampled_from(sorted(world.people(PHARMACY if by_team else NETWORK))))
        recipients = data.draw(st.sampled_from([(NETWORK,), (WARD,), (NETWORK, WARD)]))
        thread = Conversation(recipients, who, PHARMACY if by_team else "")
        made = hub.runner.run(hub.writing(SYSTEM, asked(who, recipients, thread.sender_team)))
        world.begin(f"CommunicationRequest/{made.id}", thread)
    elif kind == "team":
        name = data.draw(st.sampled_from([NETWORK, WARD, PHARMACY]))
        among = [*PEOPLE, WARD] if name == NETWORK else [each for each in PEOPLE if each != DAUGHTER]
        members = data.draw(st.lists(st.sampled_from(among), min_size=1, unique=True))
        put(hub, name, members)
        world.change(name, members)
    else:
        reference = data.draw(st.sampled_from(open_))
        thread = world.threads[reference]
        who = data.draw(st.sampled_from(sorted(thread.state)))
        if kind == "close":
            stored = hub.stored("CommunicationRequest", Id((reference.partition("/")[2],)))[0]
            hub.write(SYSTEM, stored | {"status": "revoked"})
            world.close(thread)
        elif kind == "read":
            hub.write(SYSTEM, read_by(who, reference))
            world.read(thread, who)
        else:
            hub.write(SYSTEM, message(who, reference))
            world.post(thread, who)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_everybody_has_one_task_that_says_what_is_so(hub: Room, data: st.DataObject) -> None:
    for name, members in BEGINNING.items():
        put(hub, name, members)
    world = World()
    for _ in range(data.draw(st.integers(1, 12))):
        step(hub, world, data)
        for reference, thread in world.threads.items():
            found = {owner: STATES[status] for owner, (status, _, _) in hub.tasks(reference).items()}
            assert found == thread.state, reference
