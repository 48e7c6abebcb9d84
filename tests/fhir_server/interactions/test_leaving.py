"""A plain write of a CareTeam by which somebody leaves: the same follows from it as from ``$remove``, on both engines."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from directed_room import CARE, DirectedRoom, directed_room, parameters
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, WARD, Json, ref, team
from engines import PostgresServer
from index_check import index_faults

from fhir_server.network.participation import without_stand_ins
from fhir_server.validation import validate

_numbers = count()
_DAY = 86_400_000_000


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"leaving_{next(_numbers)}", "template1")
    folder = tmp_path_factory.mktemp("leaving")
    with directed_room(folder, database) as found:
        yield found
        assert index_faults(database or f"sqlite:///{folder}/data/hub.db", found.room.services.base) == []


@pytest.fixture
def hub(opened: DirectedRoom) -> DirectedRoom:
    """Give the hub with the doctor as director, for whom somebody stands in, and something to do for both."""
    opened.set_out()
    opened.join(DOCTOR, "director")
    period = {"start": moment(opened, -1), "end": moment(opened, 20)}
    opened.ask(DOCTOR, "$cover", DOCTOR, parameters(stand_in=OUTSIDER, organisation=CARE, period=period))
    assert opened.sees(OUTSIDER)
    return opened


def moment(hub: DirectedRoom, days: int) -> str:
    return f"{datetime.fromtimestamp((hub.clock.at + days * _DAY) / 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def work(hub: DirectedRoom, owner: str) -> str:
    made: Json = {"resourceType": "Task", "status": "in-progress", "intent": "order", "code": {"text": "Bel de apotheek"}}
    return hub.room.write(SYSTEM, made | {"for": ref(CLIENT), "owner": ref(owner)}).id


def dropped(network: Json, who: str, _: DirectedRoom) -> Json:
    return network | {"participant": [each for each in network["participant"] if each["member"]["reference"] != who]}


def dated(network: Json, who: str, hub: DirectedRoom) -> Json:
    end = moment(hub, 0)
    hub.clock.forward(2)

    def over(each: Json) -> Json:
        return each | {"period": each.get("period", {}) | {"end": end}} if each["member"]["reference"] == who else each

    return network | {"participant": [over(each) for each in network["participant"]]}


def removed(hub: DirectedRoom, who: str) -> None:
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=who))


def put(way: Any) -> Any:
    return lambda hub, who: hub.room.write(SYSTEM, way(hub.network(), who, hub))


WAYS = [pytest.param(removed, id="remove"), pytest.param(put(dropped), id="dropped"), pytest.param(put(dated), id="dated")]


@pytest.mark.parametrize("leave", WAYS)
def test_one_rule_however_somebody_leaves(hub: DirectedRoom, leave: Any) -> None:
    own, nurses, stand_ins = (work(hub, each) for each in (DOCTOR, NURSE, OUTSIDER))
    thread = hub.room.thread(DAUGHTER, [NETWORK])
    hub.clock.forward(2)
    leave(hub, DOCTOR)
    hub.clock.forward(1)
    assert not hub.sees(DOCTOR)
    assert not hub.sees(OUTSIDER), "who stood in goes with whom they stood in for"
    task = hub.task(own)
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("cancelled", "left")
    assert validate(task) == []
    assert hub.task(stand_ins)["status"] == "cancelled"
    assert hub.task(nurses)["status"] == "in-progress"
    assert {each: hub.room.tasks(thread)[each][0] for each in (DOCTOR, OUTSIDER, NURSE)} == {
        DOCTOR: "cancelled",
        OUTSIDER: "cancelled",
        NURSE: "requested",
    }
    assert [hub.found(each, "Task") for each in (DOCTOR, OUTSIDER)] == [[], []]


@pytest.mark.parametrize("way", [dropped, dated])
def test_what_a_stand_in_was_to_do_goes_back(hub: DirectedRoom, way: Any) -> None:
    mine = work(hub, OUTSIDER)
    put(way)(hub, OUTSIDER)
    assert (hub.task(mine)["status"], hub.task(mine)["owner"]["reference"]) == ("in-progress", DOCTOR)


def test_who_stays_in_another_way_keeps_their_work(hub: DirectedRoom) -> None:
    hub.room.write(SYSTEM, team(WARD, [NURSE, AIDE]))
    second = team("CareTeam/second", [DOCTOR], CLIENT)
    hub.room.write(SYSTEM, second)
    hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER, NURSE, DOCTOR, WARD], CLIENT))
    nurses, doctors, aides = (work(hub, each) for each in (NURSE, DOCTOR, AIDE))
    hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER, WARD], CLIENT))
    assert {hub.task(each)["status"] for each in (nurses, doctors, aides)} == {"in-progress"}
    hub.room.write(SYSTEM, team(NETWORK, [DAUGHTER], CLIENT))
    assert [hub.task(each)["status"] for each in (nurses, doctors, aides)] == ["cancelled", "in-progress", "cancelled"]
    hub.room.write(SYSTEM, second | {"status": "inactive"})


@pytest.mark.parametrize(
    ("status", "after"), [("inactive", "cancelled"), ("entered-in-error", "cancelled"), ("suspended", "in-progress")]
)
def test_a_network_that_is_over_leaves_nothing_to_do(hub: DirectedRoom, status: str, after: str) -> None:
    doctors, stand_ins, clients = (work(hub, each) for each in (DOCTOR, OUTSIDER, CLIENT))
    network = hub.network()
    hub.room.write(SYSTEM, network | {"status": status})
    assert [hub.task(each)["status"] for each in (doctors, stand_ins, clients)] == [after, after, "in-progress"]
    hub.room.write(SYSTEM, network)


def place(member: str, end: str = "", instead_of: str = "") -> Json:
    url = "https://netwerkdossier.example/fhir/StructureDefinition/stands-in-for"
    made: Json = {"member": ref(member), **({"period": {"end": end}} if end else {})}
    return made | ({"extension": [{"url": url, "valueReference": ref(instead_of)}]} if instead_of else {})


BOTH = [place(DOCTOR), place(OUTSIDER, "2027", DOCTOR), place(AIDE, "2027", NURSE)]
AT = int(datetime(2026, 9, 21, tzinfo=UTC).timestamp()) * 1_000_000
CASES = [
    (BOTH, BOTH, []),
    (BOTH, BOTH[1:], [OUTSIDER]),
    (BOTH, [place(DOCTOR, "2026-09-01"), *BOTH[1:]], [OUTSIDER]),
    (BOTH, [place(DOCTOR, "2028"), *BOTH[1:]], []),
    (BOTH, [place(DOCTOR, "2026-12-01"), *BOTH[1:]], [OUTSIDER]),
    ([place(DOCTOR, "2026-12-01"), *BOTH[1:]], [place(DOCTOR, "2026-12-01"), *BOTH[1:]], []),
    ([place(DOCTOR, "2020"), *BOTH[1:]], BOTH[1:], []),
    (BOTH, [place(OUTSIDER, "2026-01-01", DOCTOR)], []),
    ([], BOTH[1:], []),
]


@pytest.mark.parametrize(("before", "after", "over"), CASES)
def test_who_stood_in_for_somebody_who_leaves(before: list[Json], after: list[Json], over: list[str]) -> None:
    found = without_stand_ins({"participant": after}, {"participant": before}, AT)
    now = found["participant"] if found else after
    assert [new["member"]["reference"] for new, old in zip(now, after, strict=True) if new != old] == over


def test_nobody_stands_in_for_longer_than_the_other_is_there() -> None:
    found = without_stand_ins({"participant": [place(DOCTOR, "2026-12-01"), *BOTH[1:]]}, {"participant": BOTH}, AT)
    assert found is not None
    assert [each["period"]["end"] for each in found["participant"]] == ["2026-12-01", "2026-12-01", "2027"]
