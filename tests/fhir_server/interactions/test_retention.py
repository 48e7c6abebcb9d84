"""Dossiers that nobody uses any more are announced to be erased, and kept when somebody says so."""

from collections.abc import Iterator
from itertools import count

import pytest
from directed_room import DirectedRoom, directed_room, parameters
from dossier_room import CLIENT, DAUGHTER, NETWORK, NURSE, SYSTEM, Json, person, ref, team
from index_check import index_faults

from fhir_server.interactions.access_notices import AccessNotices
from fhir_server.interactions.retention import Unused
from fhir_server.model.meta import instant
from fhir_server.search.tree import Token
from fhir_server.validation import validate

_numbers = count()
DAY = 86_400
OTHER, WITHOUT = "Patient/other", "Patient/without"


@pytest.fixture(params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database, folder = "", tmp_path_factory.mktemp("retention")
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_server").create(f"retention_{next(_numbers)}", "template1")
    with directed_room(folder, database) as found:
        found.room.write(SYSTEM, person(OTHER))
        found.room.write(SYSTEM, team("CareTeam/other", [NURSE], OTHER))
        found.room.write(SYSTEM, person(WITHOUT))
        yield found
        assert index_faults(database or f"sqlite:///{folder}/data/hub.db", found.room.services.base) == []


def round_(hub: DirectedRoom, duty: Unused) -> dict[str, Json]:
    """Make a round; return the announcements by client."""
    hub.room.runner.run(duty(hub.room.services, hub.clock()))
    found = hub.room.stored("Task", Token("code", "delete-pending"))
    assert [each for task in found for each in validate(task)] == []
    assert len({each["for"]["reference"] for each in found}) == len(found)
    return {each["for"]["reference"]: each for each in found}


def notified(hub: DirectedRoom) -> None:
    """Let 100 days go by, with a notice that somebody looked at the end."""
    hub.clock.forward(98 * DAY)
    hub.ask(SYSTEM, "$access-notices", CLIENT, parameters(on=True))
    assert not hub.reads(NURSE, CLIENT)
    hub.lines()
    hub.clock.forward(2 * DAY)
    hub.room.runner.run(AccessNotices()(hub.room.services, hub.clock()))
    assert len(hub.room.stored("Communication")) == 1


def test_what_nobody_uses_is_announced_once_and_kept_when_it_is_used_again(hub: DirectedRoom) -> None:
    duty = Unused(730, 90)
    hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER], CLIENT) | {"status": "inactive"})
    notified(hub)  # is no use either
    hub.clock.forward(629 * DAY)
    assert round_(hub, duty) == {}
    hub.clock.forward(2 * DAY)
    found = round_(hub, duty)
    assert found.keys() == {CLIENT, WITHOUT}, "the other client has an active network"
    assert {each["status"] for each in found.values()} == {"requested"}
    assert found[CLIENT]["restriction"]["period"]["end"] == instant(hub.clock.at + 90 * DAY * 1_000_000)
    assert [each["id"] for each in hub.found(CLIENT, "Task", code="delete-pending")] == [found[CLIENT]["id"]]
    assert any(each.interaction == "$retention-round" and each.dossier == CLIENT for each in hub.lines())
    hub.clock.forward(2 * DAY)
    assert round_(hub, duty) == found, "it is announced once, and is itself no use"
    hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER], CLIENT))
    hub.room.write(SYSTEM, found[WITHOUT] | {"status": "cancelled"})  # somebody wants to keep it
    hub.clock.forward(2 * DAY)
    after = round_(hub, duty)
    assert {who: each["status"] for who, each in after.items()} == {CLIENT: "cancelled", WITHOUT: "cancelled"}
    assert after[CLIENT]["businessStatus"]["coding"][0]["code"] == "used-again"


def test_a_message_is_a_use_and_nothing_is_done_where_nothing_is_set(hub: DirectedRoom) -> None:
    hub.clock.forward(700 * DAY)
    work = {"resourceType": "Task", "status": "requested", "intent": "order", "for": ref(WITHOUT)}
    hub.room.write(SYSTEM, work)
    hub.clock.forward(100 * DAY)
    assert round_(hub, Unused(0, 90)) == {}
    assert round_(hub, Unused(730, 90)) == {}
    hub.clock.forward(700 * DAY)
    assert round_(hub, Unused(730, 90)).keys() == {WITHOUT}
