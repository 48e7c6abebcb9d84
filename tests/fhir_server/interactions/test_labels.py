"""A security label that somebody put on is neither taken off nor put on by who may not: in whatever way they write."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from consents import consent, provision
from dossier_room import CLIENT, DAUGHTER, NURSE, SYSTEM, Json, Room, actor, ref, room
from engines import PostgresServer

from fhir_server.access.consent import THIRD_PARTY
from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from fhir_server.interactions.patch import patch
from fhir_server.network.appointment import ORGANIZER

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("labels", "template1")
    with room(tmp_path_factory.mktemp("labels"), database) as found:
        root = provision("permit", "CareTeam/network", purposes=("TREAT", "PATRQT"), categories=("appointment", "message"))
        found.write(SYSTEM, consent(root, patient={"reference": CLIENT}, performer=[{"reference": CLIENT}]))
        yield found


@pytest.fixture
def visit(hub: Room) -> Json:
    """Return an appointment that the nurse organises, and the client called restricted."""
    made: Json = {
        "resourceType": "Appointment",
        "extension": [{"url": ORGANIZER, "valueReference": ref(NURSE)}],
        "status": "proposed",
        "start": "2026-03-02T10:00:00+01:00",
        "end": "2026-03-02T11:00:00+01:00",
        "participant": [{"actor": ref(each), "status": "needs-action"} for each in (NURSE, CLIENT, DAUGHTER)],
    }
    made["id"] = hub.write(NURSE, made).id
    made["meta"] = labels("R")
    hub.write(CLIENT, made)
    return made


def labels(*codes: str, system: str = CONFIDENTIALITY) -> Json:
    return {"security": [{"system": system, "code": each} for each in codes]}


def patched(hub: Room, who: str, visit: Json, kind: str, body: Any) -> None:
    async def write() -> None:
        services = hub.services
        caller = await services.standings.of(actor(who), services.clock())
        entry, content = services.catalog.types["Appointment"], json.dumps(body).encode()
        call = Call(services, caller, "patch", entry, id=visit["id"], body=content, request="r", now=services.clock())
        call.patch = kind
        await patch(call)

    hub.runner.run(write())


def is_kept(hub: Room, visit: Json) -> bool:
    (found,) = (each for each in hub.stored("Appointment") if each["id"] == visit["id"])
    return bool(found["meta"]["security"] == visit["meta"]["security"])


@pytest.mark.parametrize("meta", [{"tag": [{"code": "x"}]}, labels("N"), labels("U", "L"), labels("R", system="urn:other")])
def test_a_label_is_not_put_away(hub: Room, visit: Json, meta: Json) -> None:
    for who in (NURSE, CLIENT):
        with pytest.raises(Forbidden) as caught:
            hub.write(who, {**visit, "meta": meta})
        assert caught.value.issues[0].detail == "label-lowered"
    assert is_kept(hub, visit)


DELETED = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": "Appointment.meta.security[0]"}],
        }
    ],
}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("json-patch", [{"op": "remove", "path": "/meta/security"}]),
        ("json-patch", [{"op": "replace", "path": "/meta/security/0/code", "value": "N"}]),
        ("merge-patch", {"meta": {"security": None}}),
        ("merge-patch", {"meta": None}),
        ("merge-patch", {"meta": labels("N")}),
        ("json", DELETED),
    ],
)
def test_nor_patched_away(hub: Room, visit: Json, kind: str, body: Any) -> None:
    with pytest.raises(Forbidden) as caught:
        patched(hub, NURSE, visit, kind, body)
    assert caught.value.issues[0].detail == "label-lowered"
    assert is_kept(hub, visit)


def test_who_only_answers_labels_nothing(hub: Room, visit: Json) -> None:
    """With such a label the client would not see the own appointment any more."""
    hidden = {"security": [*visit["meta"]["security"], {"system": "urn:any", "code": THIRD_PARTY}]}
    with pytest.raises(Forbidden) as caught:
        hub.write(DAUGHTER, {**visit, "meta": hidden})
    assert caught.value.issues[0].detail == "appointment-not-organizer"
    with pytest.raises(Forbidden):
        patched(hub, DAUGHTER, visit, "merge-patch", {"meta": labels("V")})
    assert is_kept(hub, visit)
    visit["participant"][2]["status"] = "accepted"
    hub.write(DAUGHTER, visit)
