"""A client who chose so is told who looked, once a day at most; nobody else is told, and nobody else chooses."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from directed_room import DirectedRoom, body, directed_room, mandated, parameters
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NEIGHBOUR, NETWORK, NURSE, OUTSIDER, SYSTEM, Json, actor, person, ref, team
from index_check import index_faults

from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import FhirError
from fhir_server.interactions import consequences
from fhir_server.interactions.access_notices import AccessNotices
from fhir_server.interactions.rounds import Rounds
from fhir_server.search.tree import And, Dossier, Token
from fhir_server.validation import validate

DAY = 86_400
GONE = "Patient/gone"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database, folder = "", tmp_path_factory.mktemp("notices")
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_server").create("access_notices", "template1")
    with directed_room(folder, database) as found:
        yield found
        assert index_faults(database or f"sqlite:///{folder}/data/hub.db", found.room.services.base) == []


@pytest.fixture
def hub(room: DirectedRoom) -> DirectedRoom:
    """Nobody chose anything, and what was done before is days ago."""
    switch(room, SYSTEM, on=False)
    room.set_out()
    room.room.write(SYSTEM, team(NETWORK, (DAUGHTER, NURSE, DOCTOR), CLIENT))
    room.clock.forward(3 * DAY)
    return room


def switch(hub: DirectedRoom, who: Actor | str, client: str = CLIENT, *, on: bool) -> Json:
    return told(body(hub.ask(who, "$access-notices", client, parameters(on=on))))


def told(found: Json) -> Json:
    assert validate(found) == []
    return {each["name"]: next(value for name, value in each.items() if name != "name") for each in found["parameter"]}


def notices(hub: DirectedRoom, client: str = CLIENT) -> list[Json]:
    """Return the notices, the newest first."""
    hub.lines()  # all of the record is there
    where = And((Dossier((client,)), Token("category", "access-notice")))
    return sorted(hub.room.stored("Communication", where), key=lambda each: str(each["sent"]), reverse=True)


def next_day(hub: DirectedRoom, duty: AccessNotices | None = None) -> list[Json]:
    """Make a round a day later; return the notices."""
    hub.lines()
    hub.clock.forward(DAY)
    return made(hub, duty)


def made(hub: DirectedRoom, duty: AccessNotices | None = None) -> list[Json]:
    """Make a round, of a process that just began without ``duty``; return the notices."""
    hub.room.runner.run((duty or AccessNotices())(hub.room.services, hub.clock()))
    return notices(hub)


def test_who_looked_is_told_once_when_the_day_is_over(hub: DirectedRoom) -> None:
    duty, before = AccessNotices(), len(notices(hub))
    assert switch(hub, CLIENT, on=True).keys() == {"on", "since"}
    doctor = replace(actor(DOCTOR), organisation="Organization/care")
    for _ in range(2):
        hub.ask(doctor, "read", CLIENT)
    hub.ask(CLIENT, "read", CLIENT)
    assert len(made(hub, duty)) == before, "the day is not over"
    found = next_day(hub, duty)
    assert len(found) == before + 1
    notice = found[0]
    assert validate(notice) == []
    assert notice["recipient"] == [ref(CLIENT)]
    dutch, english = (each["contentString"].splitlines() for each in notice["payload"])
    assert len(dutch) == len(english) == 2, "equal lines are one, and the client's own are none"
    assert dutch[1].startswith("- 2026-")
    assert ", Doctor, zorgverlener, Care. Wat gebeurde er: bekeken; " in dutch[1]
    assert "Soort gegevens: persoonsgegevens; Waarvoor: behandeling; Op grond waarvan: deelname aan het netwerk;" in dutch[1]
    assert dutch[1].endswith("; Aantal keer: 2.")
    assert ", Doctor, professional, Care. What happened: viewed; Kind of data: " in english[1]
    assert made(hub, duty) == found
    assert made(hub) == found, "a process that just began tells nothing twice"
    assert next_day(hub, duty) == found, "nobody looked, not even by being told"
    assert [each["id"] for each in hub.found(CLIENT, "Communication", category="access-notice")][:1] == [notice["id"]]
    for who in (DOCTOR, NURSE, DAUGHTER, OUTSIDER):
        assert not hub.reads(who, f"Communication/{notice['id']}"), who
        assert hub.found(who, "Task", code="access-notices") == []


def test_nothing_is_told_by_default_and_after_it_was_switched_off(hub: DirectedRoom) -> None:
    before = notices(hub)
    hub.ask(NURSE, "read", CLIENT)
    assert next_day(hub) == before
    switch(hub, CLIENT, on=True)
    hub.ask(NURSE, "read", CLIENT)
    assert switch(hub, CLIENT, on=False) == {"on": False}
    hub.ask(NURSE, "read", CLIENT)
    assert next_day(hub) == before
    switch(hub, CLIENT, on=True)
    assert next_day(hub) == before, "what was done while it was off is not told afterwards"
    choice = hub.room.stored("Task", And((Dossier((CLIENT,)), Token("code", "access-notices"))))
    assert [each["status"] for each in choice] == ["in-progress"]
    assert validate(choice[0]) == []
    assert [each.interaction for each in hub.lines() if each.dossier == CLIENT].count("$access-notices") >= 3


def test_what_is_stopped_in_the_middle_is_told_once(hub: DirectedRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    before, duty, commit = len(notices(hub)), AccessNotices(), consequences.commit
    switch(hub, CLIENT, on=True)
    hub.ask(NURSE, "read", CLIENT)
    hub.lines()
    hub.clock.forward(DAY)

    async def stopped(*_: Any) -> None:
        raise RuntimeError

    async def stopped_after(*given: Any) -> None:
        await commit(*given)
        raise RuntimeError

    for broken, many in ((stopped, before), (stopped_after, before + 1)):
        with monkeypatch.context() as patch:
            patch.setattr(consequences, "commit", broken)
            with pytest.raises(RuntimeError):
                made(hub, duty)
        assert len(notices(hub)) == many
    assert len(made(hub, duty)) == before + 1
    hub.ask(NURSE, "read", CLIENT)
    hub.lines()
    hub.clock.forward(DAY)

    async def at_once() -> None:
        await asyncio.gather(*(AccessNotices()(hub.room.services, hub.clock()) for _ in range(2)))

    hub.room.runner.run(at_once())
    assert len(notices(hub)) == before + 2


def test_the_client_and_who_represents_them_choose(hub: DirectedRoom) -> None:
    assert told(body(hub.ask(CLIENT, "$access-notices-status", CLIENT))) == {"on": False}
    operator = Actor("Practitioner/operator", "operator", parse_scopes("user/*.cruds"), people=("Practitioner/operator",))
    for who in (NURSE, DOCTOR, OUTSIDER, DAUGHTER, NEIGHBOUR, "Patient/other", operator):
        for interaction, given in (("$access-notices", parameters(on=True)), ("$access-notices-status", None)):
            with pytest.raises(FhirError) as refused:
                hub.ask(who, interaction, CLIENT, given)
            assert refused.value.status == 403, (who, interaction)
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    assert switch(hub, DAUGHTER, on=True)["on"]
    hub.ask(NURSE, "read", CLIENT)
    notice = next_day(hub)[0]
    assert [each["reference"] for each in notice["recipient"]] == [CLIENT, DAUGHTER]
    assert hub.reads(DAUGHTER, f"Communication/{notice['id']}")
    assert next_day(hub)[0]["id"] == notice["id"], "who reads a notice is no reason for the next"
    assert told(body(hub.ask(DAUGHTER, "$access-notices-status", CLIENT)))["on"]
    assert switch(hub, DAUGHTER, on=False) == switch(hub, DAUGHTER, on=False) == {"on": False}


@pytest.mark.parametrize(
    ("client", "given", "status"),
    [(CLIENT, None, 400), (CLIENT, {"on": "yes"}, 400), (CLIENT, {"off": True}, 400), ("Patient/nobody", {"on": True}, 404)],
    ids=["nothing", "no boolean", "unknown", "no client"],
)
def test_what_cannot_be_asked(hub: DirectedRoom, client: str, given: Json | None, status: int) -> None:
    with pytest.raises(FhirError) as refused:
        hub.ask(SYSTEM, "$access-notices", client, parameters(**given) if given else None)
    assert refused.value.status == status


def test_it_is_erased_with_the_dossier(hub: DirectedRoom) -> None:
    hub.room.write(SYSTEM, person(GONE))
    hub.room.write(SYSTEM, team("CareTeam/gone", [NURSE], GONE))
    switch(hub, GONE, GONE, on=True)
    hub.ask(NURSE, "read", GONE)
    next_day(hub)
    assert len(notices(hub, GONE)) == 1
    hub.ask(SYSTEM, "$expunge", GONE, parameters(expungeEverything=True))
    assert notices(hub, GONE) == []
    assert hub.room.stored("Task", Dossier((GONE,))) == []
    hub.clock.forward(DAY)
    assert hub.room.runner.run(Rounds(hub.room.services, [AccessNotices()]).once())
    assert notices(hub, GONE) == []
