"""Random inviting, answering, leaving, removing and waiting, beside a model of who takes part."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import pytest
from directed_room import DirectedRoom, body, directed_room, parameters
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, team
from engines import PostgresServer
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.access.actor import Actor
from fhir_server.errors import FhirError
from fhir_server.network.json_parts import listed
from fhir_server.network.period import lasting

_numbers = count()
PEOPLE = (DOCTOR, OUTSIDER, AIDE)
HOUR = 3_600
FOR_EVER = float("inf")
ANSWERS = ("accept", "decline", "cancel")
Step = tuple[str, str, str, int]
STEPS = st.tuples(
    st.sampled_from(("invite", "invite", "accept", "accept", "leave", "remove", "wait", *ANSWERS)),
    st.sampled_from(PEOPLE),
    st.sampled_from(("core", "director")),
    st.sampled_from((0, 2, 5)),
)


@dataclass
class Model:
    """Who takes part from when until when, in hours, and who was invited to what (Task: person, role, until)."""

    now: float = 0
    places: list[tuple[str, float, float]] = field(default_factory=list)
    waiting: dict[str, tuple[str, float]] = field(default_factory=dict)

    def members(self) -> set[str]:
        return {who for who, start, end in self.places if start <= self.now < end}

    def task_of(self, who: str) -> str:
        """Return an invitation that waits for somebody."""
        return next((task for task, (invited, _) in self.waiting.items() if invited == who), "none")

    def end(self, who: str) -> None:
        self.places = [place for place in self.places if place[0] != who]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"directing_{next(_numbers)}", "template1")
    with directed_room(tmp_path_factory.mktemp("directing"), database) as found:
        found.set_out()
        yield found


@settings(max_examples=examples(6), deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_nobody_sees_the_dossier_but_who_takes_part(hub: DirectedRoom, steps: list[Step]) -> None:
    model, asked = Model(), 0
    _begin(hub)
    lines = len(hub.lines())
    for step in steps:
        if step[0] == "wait":
            hub.clock.forward(step[3] * HOUR + 1)
            model.now += step[3] + 1 / HOUR
        else:
            asked += 1
            _do(hub, model, step)
        assert len(hub.lines()) == lines + asked, "each request leaves one line"
        seeing = {each for each in PEOPLE if hub.reads(each, NETWORK)}
        asked += len(PEOPLE)
        assert seeing == model.members()
        _require_one_director(hub)
    for each in PEOPLE:
        mine = {task for task, (invited, _) in model.waiting.items() if invited == each}
        assert {task["id"] for task in hub.found(each, "Task", code="invitation", status="requested")} == mine


def _begin(hub: DirectedRoom) -> None:
    hub.clock.forward(10)
    hub.room.write(SYSTEM, team(NETWORK, (DAUGHTER, NURSE), CLIENT))
    for each in hub.room.stored("Task"):
        if each["status"] == "requested":
            hub.ask(CLIENT, "$cancel", f"Task/{each['id']}")


def _do(hub: DirectedRoom, model: Model, step: Step) -> None:
    """Ask for it, and let the model follow what was carried out; what it knows to be impossible must be refused."""
    what, who, role, hours = step
    task = model.task_of(who)
    caller: Actor | str = who if what in {"accept", "decline", "leave"} else CLIENT
    until = model.now + hours if hours else FOR_EVER
    period = {"period": {"end": _hence(hub, hours)}} if hours else {}
    given_ = {"invite": parameters(who=who, role=role, **period), "remove": parameters(who=who)}.get(what)
    try:
        answer = hub.ask(caller, f"${what}", f"Task/{task}" if what in ANSWERS else NETWORK, given_)
    except FhirError:
        assert what != "invite" or who in model.members(), "the client may always invite who does not take part"
        assert what not in {"decline", "cancel"} or task == "none"
        return
    if what == "invite":
        model.waiting.setdefault(body(answer)["id"], (who, until))
    elif what in ANSWERS:
        invited, end = model.waiting.pop(task)
        model.places += [(invited, model.now, end)] if what == "accept" else []
    else:
        assert who in model.members()
        model.end(who)


def _hence(hub: DirectedRoom, hours: int) -> str:
    return f"{datetime.fromtimestamp(hub.clock.at / 1_000_000 + hours * HOUR, UTC):%Y-%m-%dT%H:%M:%S}Z"


def _require_one_director(hub: DirectedRoom) -> None:
    held = [
        (each["member"]["reference"], lasting(each["period"]))
        for each in listed(hub.network(), "participant")
        if any(coding["code"] == "director" for role in each.get("role", ()) for coding in role["coding"])
    ]
    for at in {moment for _, during in held for moment in (during.low, during.high - 1)}:
        assert len({who for who, during in held if during.low <= at < during.high}) <= 1
