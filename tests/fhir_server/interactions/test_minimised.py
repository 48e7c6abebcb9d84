"""What a role does not get of resources that others contain: not shown, not tested by a patch, and not lost when it writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dossier_room import CLIENT, DAUGHTER, NETWORK, NURSE, SYSTEM, Room, actor, ref, room

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.minimised import kept, shown
from fhir_server.interactions.patch import patch
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write

Json = dict[str, Any]
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">1938</div>'}
LOCUM: Json = {"resourceType": "Practitioner", "id": "locum", "active": True, "birthDate": "1971-03-04", "text": TEXT}
MOTHER: Json = {"resourceType": "Patient", "id": "mother", "multipleBirthInteger": 2, "birthDate": "1938-05-02"}


def thread(*contained: Json, **more: Any) -> Json:
    return {
        "resourceType": "CommunicationRequest",
        "id": "t",
        "status": "active",
        "text": TEXT,
        "contained": list(contained),
        "subject": ref(CLIENT),
        "requester": ref(DAUGHTER),
        "recipient": [ref(NETWORK)],
        "about": [{"reference": f"#{each['id']}"} for each in contained],
        **more,
    }


@pytest.mark.parametrize(
    ("who", "lost"), [(DAUGHTER, {"multipleBirthInteger"}), (NURSE, {"multipleBirthInteger"}), (CLIENT, set())]
)
def test_contained_resources_are_shown_in_part(who: str, lost: set[str]) -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": thread(LOCUM, MOTHER)}]}
    made = shown(actor(who), bundle)["entry"][0]["resource"]
    locum, mother = made["contained"]
    assert set(LOCUM) - set(locum) == {"birthDate", "text"}
    assert set(MOTHER) - set(mother) == lost
    assert "text" not in made
    assert locum["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "meta" not in made  # or it could not be written back


def test_what_contains_nothing_of_it_stays_the_same_object() -> None:
    same = thread({"resourceType": "Practitioner", "id": "locum", "active": True})
    assert shown(actor(DAUGHTER), same) is same
    whole = thread(LOCUM)
    assert shown(SYSTEM, whole) is whole


def test_a_write_keeps_what_its_writer_did_not_see() -> None:
    stored = write(thread(LOCUM, MOTHER))
    seen = shown(actor(DAUGHTER), thread(LOCUM, MOTHER))
    sent = {**seen, "contained": [{**seen["contained"][0], "active": False}, {**seen["contained"][1], "multipleBirthInteger": 3}]}
    made = kept(actor(DAUGHTER), read(write(sent), OWN), stored).resource
    assert made["contained"] == [LOCUM | {"active": False}, MOTHER | {"multipleBirthInteger": 3}]
    assert made["text"] == TEXT
    fewer = {**sent, "contained": sent["contained"][1:]}
    assert len(kept(actor(DAUGHTER), read(write(fewer), OWN), stored).resource["contained"]) == 1


NAMED: Json = {**LOCUM, "name": [{"family": "de Boer", "given": ["Sam"]}], "identifier": [{"system": "urn:uzi", "value": "1"}]}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"active": False}, True),
        ({"name": [{"family": "De  Boer", "given": ["Samuel"]}], "identifier": []}, True),
        ({"name": [{"family": "Bakker"}]}, True),  # by the identifier: somebody took another name
        ({"identifier": [{"system": "urn:uzi", "value": "2"}]}, True),
        ({"name": [{"family": "Bakker"}], "identifier": [{"system": "urn:uzi", "value": "2"}]}, False),
        ({"name": [{"family": "Bakker"}], "identifier": [{"system": "urn:other", "value": "1"}]}, False),
        ({"name": [{"family": "Bakker"}], "identifier": []}, False),
        ({"name": [], "identifier": []}, False),
        ({"id": "other"}, False),
    ],
)
def test_what_was_not_seen_goes_to_the_same_person_only(change: Json, is_same: bool) -> None:  # noqa: FBT001 - a table
    stored = write(thread(NAMED))
    (shown_,) = shown(actor(DAUGHTER), thread(NAMED))["contained"]
    sent = {name: each for name, each in {**shown_, **change}.items() if each != []}
    (made,) = kept(actor(DAUGHTER), read(write(thread(sent)), OWN), stored).resource["contained"]
    assert (made.get("birthDate"), "text" in made) == (("1971-03-04", True) if is_same else (None, False))


def test_of_two_with_one_id_nothing_goes_to_either() -> None:
    second = {**NAMED, "birthDate": "1990-01-01"}
    seen = shown(actor(DAUGHTER), thread(NAMED, second))["contained"]
    for stored, sent in (((NAMED, second), seen), ((NAMED,), [seen[0], seen[0]]), ((NAMED, second), seen[:1])):
        made = kept(actor(DAUGHTER), read(write(thread(*sent)), OWN), write(thread(*stored))).resource
        assert not any("birthDate" in each for each in made["contained"])


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    database = request.getfixturevalue("postgres_server").create("minimised", "template1") if request.param == "postgres" else ""
    with room(tmp_path, database) as found:
        yield found


def test_a_writer_changes_the_rest_and_tests_nothing_unseen(opened: Room) -> None:
    opened.write(SYSTEM, thread(LOCUM))
    (stored,) = opened.stored("CommunicationRequest")
    opened.write(DAUGHTER, {**shown(actor(DAUGHTER), stored), "status": "completed"})
    (after,) = opened.stored("CommunicationRequest")
    assert (after["status"], after["contained"], after["text"]) == ("completed", [LOCUM], TEXT)
    services = opened.services
    guess = [{"op": "test", "path": "/contained/0/birthDate", "value": "1971-03-04"}]
    entry = services.catalog.types["CommunicationRequest"]
    call = Call(services, actor(DAUGHTER), "patch", entry, id="t", body=json.dumps(guess).encode(), patch="json-patch", request="p")
    with pytest.raises(Unprocessable):
        opened.runner.run(patch(call))
