"""One request for a viewer: each reader sees their own part of the network, and nobody outside sees anything."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, WARD, Room, ref, room, team
from engines import PostgresServer

from fhir_server.errors import Forbidden, NotFound

_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"summary_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("summary"), database) as found:
        network = team(NETWORK, (DAUGHTER, NURSE, DOCTOR, WARD), CLIENT)
        network["participant"][1] |= {"role": [{"text": "district nurse"}], "onBehalfOf": ref("Organization/care")}
        network["participant"].append({"member": ref("Practitioner/temp"), "period": {"end": "2020-01-01"}})
        found.write(SYSTEM, network)
        for number in range(3):
            thread = found.thread(DAUGHTER, [NETWORK], payload=[{"contentString": f"question {number}"}])
        found.reply(NURSE, thread)
        found.write(SYSTEM, appointment("soon", "2999-01-05T10:00:00Z"))
        found.write(SYSTEM, appointment("gone", "2020-01-05T10:00:00Z"))
        found.write(SYSTEM, appointment("off", "2999-01-06T10:00:00Z") | {"status": "cancelled"})
        yield found


def appointment(id_: str, start: str) -> dict[str, Any]:
    participants = [{"actor": ref(each), "status": "accepted"} for each in (CLIENT, NURSE)]
    return {
        "resourceType": "Appointment",
        "id": id_,
        "status": "booked",
        "start": start,
        "end": start.replace("10:", "11:"),
        "participant": participants,
    }


def look(hub: Room, who: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(hub.operate(who, "network-summary", CLIENT).body)["parameter"]
    return found


def parts(of: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the parts called ``name``, each as a dict of its own parts that come once."""
    return [{each["name"]: value(each) for each in one["part"]} for one in of if one["name"] == name]


def value(part: dict[str, Any]) -> Any:
    return next((part[name] for name in part if name.startswith("value")), part.get("part"))


def test_the_team_is_there_with_roles_and_names(hub: Room) -> None:
    found = [each for each in look(hub, NURSE) if each["name"] == "team"]
    assert len(found) == 1
    people = parts(found[0]["part"], "member")
    assert [each["who"]["reference"] for each in people] == [DAUGHTER, NURSE, DOCTOR, WARD]
    assert people[1]["role"] == {"text": "district nurse"}
    assert people[1]["organization"] == {"reference": "Organization/care", "display": "Care"}
    assert people[2]["who"] == {"reference": DOCTOR, "display": "Doctor"}


def unread(hub: Room, who: Any) -> dict[str, int]:
    return {each["member"]["reference"]: each["threads"] for each in parts(look(hub, who), "unread")}


def test_the_client_and_the_system_see_what_everybody_has_unread(hub: Room) -> None:
    everybody = {DAUGHTER: 1, NURSE: 2, DOCTOR: 3, "Practitioner/aide": 3}
    assert unread(hub, CLIENT) == unread(hub, SYSTEM) == everybody


def test_appointments_to_come_are_there_for_whom_they_are_open(hub: Room) -> None:
    assert [each["resource"]["id"] for each in look(hub, CLIENT) if each["name"] == "appointment"] == ["soon"]
    assert [each for each in look(hub, NURSE) if each["name"] == "appointment"] == []


def test_it_says_what_is_open_to_the_reader(hub: Room) -> None:
    told = next(each for each in look(hub, NURSE) if each["name"] == "consent")["part"]
    assert told[0] == {"name": "rule", "valueCode": "membership"}
    open_ = {each["category"]["code"]: each["permit"] for each in parts(told, "category")}
    assert open_["message"]
    assert not open_["appointment"]
    mine = parts(next(each for each in look(hub, CLIENT) if each["name"] == "consent")["part"], "category")
    assert all(each["permit"] for each in mine)


def test_who_is_not_in_the_network_sees_nothing(hub: Room) -> None:
    with pytest.raises(Forbidden):
        look(hub, OUTSIDER)


def test_a_client_who_is_not_there(hub: Room) -> None:
    with pytest.raises(NotFound):
        hub.operate(SYSTEM, "network-summary", "Patient/nobody")
