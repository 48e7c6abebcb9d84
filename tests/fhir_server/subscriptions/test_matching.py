"""Who is found for an event, compared with asking everybody about everything."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dossier_room import (
    AIDE,
    CHEMIST,
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NEIGHBOUR,
    NETWORK,
    NURSE,
    OUTSIDER,
    PHARMACY,
    SYSTEM,
    TEMP,
    WARD,
    Room,
    message,
    ref,
    room,
    team,
)
from examples import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_server.errors import FhirError
from fhir_server.interactions.subscription import access_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.scripted import Scripted
from fhir_server.storage.subscriptions.engine import ScriptedSubscriptions
from fhir_server.storage.subscriptions.store import Event
from fhir_server.subscriptions.criteria import Reading
from fhir_server.subscriptions.matching import Matcher

EXAMPLES = examples(6)
PEOPLE = (CLIENT, DAUGHTER, NEIGHBOUR, NURSE, AIDE, DOCTOR, CHEMIST, TEMP, OUTSIDER)
TEAMS = (NETWORK, WARD, PHARMACY)
CRITERIA = (
    "Task?status=requested",
    "Task?id",
    f"Task?owner={AIDE}",
    "Communication?id",
    "CommunicationRequest?status=active",
    "CareTeam?id",
)
Op = tuple[Any, ...]
members = st.lists(st.sampled_from([*PEOPLE[1:], WARD, PHARMACY]), min_size=1, max_size=5, unique=True)
ops = st.one_of(
    st.tuples(
        st.just("thread"),
        st.sampled_from(PEOPLE[1:]),
        st.lists(st.sampled_from([*TEAMS, NURSE, DAUGHTER]), min_size=1, unique=True),
    ),
    st.tuples(st.just("reply"), st.sampled_from(PEOPLE[1:])),
    st.tuples(st.just("task"), st.sampled_from(PEOPLE[1:]), st.sampled_from(["requested", "completed"])),
    st.tuples(st.just("team"), st.sampled_from(TEAMS), members),
    st.tuples(st.just("role"), st.sampled_from([NURSE, AIDE, OUTSIDER, TEMP])),
)


class Recording(ScriptedSubscriptions):
    """A store that remembers what was matched."""

    def __init__(self, scripts: Scripted) -> None:
        super().__init__(scripts)
        self.matched: list[tuple[Event, Sequence[str]]] = []

    async def put_notices(self, holder: str, now: int, matched: Sequence[tuple[Event, Sequence[str]]]) -> bool:
        self.matched += matched
        return await super().put_notices(holder, now, matched)


class Office:
    """A hub with many subscriptions and nobody who works for them."""

    def __init__(self, opened: Room, scripts: Scripted) -> None:
        services = opened.services
        self.room = opened
        self.store = Recording(scripts)
        self.access = access_of(services)
        self.reading = Reading(services.catalog, services.base)
        self.matcher = Matcher(self.store, self.access, self.reading)
        self.thread = ""
        self.events = 0

    def do(self, op: Op) -> None:
        match op:
            case ("thread", who, recipients):
                self.thread = self.room.thread(who, recipients)
            case ("reply", who) if self.thread:
                self.room.write(who, message(who, self.thread))
            case ("task", owner, status):
                task = {"resourceType": "Task", "id": "shared", "status": status, "intent": "order", "for": ref(CLIENT)}
                self.room.write(SYSTEM, task | {"owner": ref(owner)})
            case ("team", which, people):
                people = [each for each in people if not each.startswith("CareTeam/")] if which != NETWORK else people
                self.room.write(SYSTEM, team(which, people, CLIENT if which == NETWORK else ""))
            case ("role", who):
                id_ = f"role-{who.partition('/')[2]}"
                role = {"resourceType": "PractitionerRole", "id": id_, "active": True, "practitioner": ref(who)}
                self.room.write(SYSTEM, role | {"organization": ref("Organization/care")})
                self.room.write(SYSTEM, team(WARD, [f"PractitionerRole/{id_}"]))

    async def check(self) -> None:
        """Match all events, and compare each with what everybody's criteria and rights say."""
        self.store.matched.clear()
        while await self.matcher.once("test"):
            pass
        everybody = await self.store.all()
        actors = {each.subscriber: await self.access.who(each.subscriber) for each in everybody}
        for event, found in self.store.matched:
            self.events += 1
            stored = await self.room.services.repository.vread(
                self.access.gate.locating(event.type), event.type, event.id, event.version
            )
            assert stored is not None
            resource = read(stored.body, OWN).resource
            asked = [each for each in everybody if each.type == event.type and self.wants(each.criteria, resource)]
            wanted = {each.id for each in asked if await self.access.sees(actors[each.subscriber], event.type, event.id)}
            assert set(found) == wanted, event

    def wants(self, criteria: str, resource: dict[str, Any]) -> bool:
        found = self.reading(criteria)
        return found is not None and found.matches(resource, self.reading.base)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("office")
    with room(folder) as opened:
        for who in (*PEOPLE, SYSTEM):
            for number, criteria in enumerate(CRITERIA):
                channel = {"type": "rest-hook", "endpoint": f"https://8.8.8.8/{number}"}
                subscription = {"resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria}
                opened.write(who, subscription | {"channel": channel})
        made = Office(opened, opened.services.repository._scripts)  # type: ignore[attr-defined]
        opened.runner.run(made.check())
        yield made
        assert made.events > 2 * EXAMPLES


@example(each=[("thread", DAUGHTER, [PHARMACY]), ("reply", DAUGHTER)])  # for a department that is not in the network
@given(each=st.lists(ops, min_size=1, max_size=6))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_those_are_found_who_would_be_found_by_asking_everybody(office: Office, each: list[Op]) -> None:
    for op in each:
        try:
            office.do(op)
        except FhirError:  # not everybody may write everything at every moment
            continue
        office.room.runner.run(office.check())
