"""Standing in, taking over, and what time does in networks without anybody writing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from directed_room import (
    CARE,
    MANAGER,
    SOCIAL_WORKER,
    TOWN,
    DirectedRoom,
    body,
    directed_room,
    employed,
    parameters,
    refusal,
)
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, Json, team
from engines import PostgresServer
from index_check import index_faults

from fhir_server.interactions import network_rounds
from fhir_server.validation import validate

_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"covers_{next(_numbers)}", "template1")
    folder = tmp_path_factory.mktemp("covers")
    with directed_room(folder, database) as found:
        yield found
        faults = index_faults(database or f"sqlite:///{folder}/data/hub.db", found.room.services.base)
        assert faults == [], "what operations store is indexed as it would be anew"


@pytest.fixture
def hub(opened: DirectedRoom) -> DirectedRoom:
    """Give the hub with the doctor as director."""
    opened.set_out()
    opened.join(DOCTOR, "director")
    return opened


def cover(hub: DirectedRoom, who: str = DOCTOR, by: str = DOCTOR, **more: object) -> int:
    given = {"stand_in": OUTSIDER, "organisation": CARE, "period": period(hub, 10, 20), **more}
    return networks(hub, by, "$cover", who, **given)


def networks(hub: DirectedRoom, who: object, operation: str, place: str, **given: object) -> int:
    answer = body(hub.ask(who, operation, place, parameters(**{name: each for name, each in given.items() if each})))  # type: ignore[arg-type]
    return next(each["valueInteger"] for each in answer["parameter"] if each["name"] == "networks")


def period(hub: DirectedRoom, first: int, last: int) -> dict[str, str]:
    """Return the days from ``first`` to ``last``, counted from now."""
    day = 86_400
    moments = (datetime.fromtimestamp(hub.clock.at / 1_000_000 + each * day, UTC) for each in (first, last))
    return dict(zip(("start", "end"), (f"{each:%Y-%m-%d}" for each in moments), strict=True))


def round_(hub: DirectedRoom) -> None:
    """Do what is due by now."""

    async def make() -> None:
        for duty in (network_rounds.expired, PERIODS):
            await duty(hub.room.services, hub.clock())

    hub.room.runner.run(make())


PERIODS = network_rounds.Periods()


def test_a_stand_in_is_there_for_the_period_and_no_longer(hub: DirectedRoom) -> None:
    round_(hub)
    thread = hub.room.thread(DAUGHTER, [NETWORK])
    assert cover(hub) == 1
    assert cover(hub) == 0, "it is there already"
    assert validate(hub.network()) == []
    assert not hub.sees(OUTSIDER)
    hub.clock.forward(11 * 86_400)
    assert hub.sees(OUTSIDER), "access follows by itself"
    assert OUTSIDER not in hub.room.tasks(thread)
    for _ in range(2):
        round_(hub)
        assert hub.room.tasks(thread)[OUTSIDER] == ("requested", "", 1)
    assert OUTSIDER in hub.room.unread(hub.room.thread(DAUGHTER, [NETWORK]))
    hub.clock.forward(11 * 86_400)
    assert not hub.sees(OUTSIDER)
    for _ in range(2):
        round_(hub)
        assert hub.room.tasks(thread)[OUTSIDER] == ("cancelled", "", 2)
    assert hub.room.tasks(thread)[DOCTOR][0] == "requested"


def test_what_a_stand_in_was_to_do_goes_back(hub: DirectedRoom) -> None:
    cover(hub, period=period(hub, -1, 3))
    mine, other = (hub.room.write(SYSTEM, work(OUTSIDER)).id for _ in range(2))
    hub.clock.forward(4 * 86_400)
    round_(hub)
    assert [hub.task(each)["owner"]["reference"] for each in (mine, other)] == [DOCTOR, DOCTOR]
    assert hub.found(OUTSIDER, "Task") == []
    version = hub.task(mine)["meta"]["versionId"]
    round_(hub)
    assert hub.task(mine)["meta"]["versionId"] == version


def test_what_somebody_was_to_do_ends_with_their_period(hub: DirectedRoom) -> None:
    hub.join(OUTSIDER, period=period(hub, 0, 2))
    mine = hub.room.write(SYSTEM, work(OUTSIDER)).id
    round_(hub)
    assert hub.task(mine)["status"] == "in-progress"
    hub.clock.forward(4 * 86_400)
    round_(hub)
    assert (hub.task(mine)["status"], hub.found(OUTSIDER, "Task")) == ("cancelled", [])


def work(owner: str) -> Json:
    return {
        "resourceType": "Task",
        "status": "in-progress",
        "intent": "order",
        "code": {"text": "Bel de apotheek"},
        "for": {"reference": CLIENT},
        "owner": {"reference": owner},
    }


def test_who_names_a_stand_in_and_whom(hub: DirectedRoom) -> None:
    for nobody in (NURSE, SOCIAL_WORKER):
        assert refusal(lambda who=nobody: cover(hub, by=who)) == "not-managing"
    assert refusal(lambda: cover(hub, stand_in=SOCIAL_WORKER)) == "not-a-colleague"
    assert refusal(lambda: cover(hub, stand_in=DOCTOR)) == "not-a-colleague"
    assert refusal(lambda: cover(hub, period={"end": "2020-01-01"})) == "period-over"
    assert refusal(lambda: cover(hub, period=None)) == "parameter-missing"
    assert refusal(lambda: cover(hub, by=CLIENT)) == "not-permitted"
    assert cover(hub, organisation=TOWN, stand_in=SOCIAL_WORKER, by=SYSTEM) == 0, "the doctor is not there on behalf of the town"
    hub.room.write(SYSTEM, employed(AIDE, CARE, MANAGER))
    assert cover(hub, by=AIDE) == 1
    hub.room.write(SYSTEM, employed(SOCIAL_WORKER, TOWN, MANAGER))
    assert refusal(lambda: cover(hub, by=SOCIAL_WORKER)) == "not-managing", "a manager is one of the own organisation"


def test_a_stand_in_goes_when_withdrawn_or_with_who_is_away(hub: DirectedRoom) -> None:
    now = period(hub, -1, 20)
    assert cover(hub, period=now) == 1
    assert hub.sees(OUTSIDER)
    assert cover(hub, period=None, withdraw=True) == 1
    assert not hub.sees(OUTSIDER)
    hub.clock.forward(5)
    assert cover(hub, period=now) == 1
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=DOCTOR))
    assert not hub.sees(OUTSIDER)


def test_a_stand_in_is_no_second_director(hub: DirectedRoom) -> None:
    cover(hub, period=period(hub, -1, 20))
    (place,) = hub.places(OUTSIDER)
    assert [each["coding"][0]["code"] for each in place["role"]] == ["stand-in"]
    assert place["extension"][0]["valueReference"]["reference"] == DOCTOR


def test_who_leaves_an_organisation_is_succeeded(hub: DirectedRoom) -> None:
    thread = hub.room.thread(DAUGHTER, [NETWORK])
    task = hub.room.write(SYSTEM, work(DOCTOR)).id
    given = {"from": DOCTOR, "to": OUTSIDER}
    assert refusal(lambda: networks(hub, DOCTOR, "$hand-over", CARE, **given)) == "not-managing"
    assert refusal(lambda: networks(hub, SYSTEM, "$hand-over", CARE, **{**given, "to": SOCIAL_WORKER})) == "not-a-colleague"
    assert networks(hub, SYSTEM, "$hand-over", CARE, **given) == 1
    assert networks(hub, SYSTEM, "$hand-over", CARE, **given) == 0
    assert not hub.sees(DOCTOR)
    assert hub.sees(OUTSIDER)
    assert hub.places(OUTSIDER)[0]["role"][0]["coding"][0]["code"] == "director"
    assert hub.task(task)["owner"]["reference"] == OUTSIDER
    assert hub.room.tasks(thread)[OUTSIDER][0] == "requested"
    assert hub.room.tasks(thread)[DOCTOR][0] == "cancelled"
    assert validate(hub.network()) == []


def test_a_role_is_handed_over_to_who_may_have_it(hub: DirectedRoom) -> None:
    assert networks(hub, SYSTEM, "$hand-over", CARE, **{"from": DOCTOR, "to": AIDE}) == 1
    assert "role" not in hub.places(AIDE)[0]
    assert hub.sees(AIDE)


def test_departments_are_handed_over_too(hub: DirectedRoom) -> None:
    hub.room.write(SYSTEM, team("CareTeam/night", [NURSE]) | {"managingOrganization": [{"reference": CARE}]})
    hub.room.write(SYSTEM, team(NETWORK, ["CareTeam/night"], CLIENT))
    assert hub.sees(NURSE)
    assert not hub.sees(AIDE)
    networks(hub, SYSTEM, "$hand-over", CARE, **{"from": NURSE, "to": AIDE})
    assert hub.sees(AIDE)
    assert not hub.sees(NURSE)


def test_an_invitation_expires_by_itself(hub: DirectedRoom) -> None:
    task, other = hub.invite(CLIENT, OUTSIDER), hub.invite(CLIENT, AIDE, expires=f"{period(hub, 60, 60)['end']}")
    hub.clock.forward(29 * 86_400)
    round_(hub)
    assert hub.task(task["id"])["status"] == "requested"
    hub.clock.forward(2 * 86_400)
    round_(hub)
    round_(hub)
    done = hub.task(task["id"])
    assert (done["status"], done["businessStatus"]["coding"][0]["code"]) == ("cancelled", "expired")
    assert done["meta"]["versionId"] == "2"
    assert hub.task(other["id"])["status"] == "requested"
    assert hub.found(OUTSIDER, "Task", code="invitation") == []
    assert any(each.interaction == "$network-round" and each.dossier == CLIENT for each in hub.lines())
