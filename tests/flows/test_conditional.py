"""Conditional create, update, patch and delete over HTTP: nothing, one or several match, and many ask at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flows.client import Client, Demo, Reply

SYSTEM = "https://example.org/place"
MERGE = "application/merge-patch+json"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"


def place(number: str, name: str = "Wijkpost Oost", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Location", "identifier": [{"system": SYSTEM, "value": number}], "name": name, **more}


def by(number: str) -> str:
    return f"identifier={SYSTEM}|{number}"


def create(client: Client, number: str, criteria: str = "", **more: Any) -> Reply:
    return client.request("POST", "Location", place(number, **more), If_None_Exist=criteria or by(number))


def update(client: Client, number: str, body: dict[str, Any], **headers: str) -> Reply:
    return client.request("PUT", f"Location?{by(number)}", body, **headers)


def stored(client: Client, number: str) -> list[dict[str, Any]]:
    reply = client.get(f"Location?{by(number)}&_count=100")
    assert reply.status == 200
    return reply.resources


def several(client: Client, number: str) -> None:
    for _ in range(2):
        assert client.post(place(number)).status == 201


def test_create_when_nothing_matches(hub: Demo) -> None:
    reply = create(hub.as_("system"), "create-none")
    assert (reply.status, reply.headers["etag"]) == (201, 'W/"1"')
    assert reply.headers["location"].endswith(f"/fhir/Location/{reply.json['id']}/_history/1")


@pytest.mark.parametrize("mark", ["", "?"])
def test_create_when_one_matches_gives_that_one(hub: Demo, mark: str) -> None:
    system = hub.as_("system")
    first = create(system, "create-one")
    again = create(system, "create-one", f"{mark}{by('create-one')}", name="Anders")
    assert again.status == 200
    assert again.json == system.get(f"Location/{again.json['id']}").json
    assert again.json["name"] == "Wijkpost Oost"
    assert again.headers["location"].endswith(f"/fhir/Location/{again.json['id']}/_history/1")
    assert again.headers["etag"] == 'W/"1"'
    assert first.json["id"] == again.json["id"] or first.status == 200
    assert len(stored(system, "create-one")) == 1
    minimal = system.request("POST", "Location", place("create-one"), If_None_Exist=by("create-one"), Prefer="return=minimal")
    assert (minimal.status, minimal.body) == (200, b"")


def test_create_when_several_match(hub: Demo) -> None:
    system = hub.as_("system")
    several(system, "create-several")
    reply = create(system, "create-several")
    assert (reply.status, reply.detail) == (412, "multiple-matches")
    assert len(stored(system, "create-several")) == 2


def test_update_when_nothing_matches_creates(hub: Demo) -> None:
    system = hub.as_("system")
    reply = update(system, "update-none", place("update-none"))
    assert reply.status == 201
    assert reply.headers["location"].endswith(f"/fhir/Location/{reply.json['id']}/_history/1")
    own = update(system, "update-own-id", place("update-own-id", id="update-own-id"))
    assert (own.status, own.json["id"]) == (201, "update-own-id")
    assert update(system, "update-gone", place("update-gone"), If_Match='W/"1"').status == 412


def test_update_when_nothing_matches_and_the_id_is_in_use(hub: Demo) -> None:
    system = hub.as_("system")
    system.put(place("in-use", id="conditional-in-use"))
    reply = update(system, "not-in-use", place("not-in-use", id="conditional-in-use"))
    assert (reply.status, reply.detail) == (409, "id-in-use")
    assert system.get("Location/conditional-in-use").json["identifier"][0]["value"] == "in-use"
    system.request("DELETE", "Location/conditional-in-use")
    again = update(system, "not-in-use", place("not-in-use", id="conditional-in-use"))
    assert (again.status, again.json["meta"]["versionId"]) == (201, "3")


def test_update_when_one_matches(hub: Demo) -> None:
    system = hub.as_("system")
    id_ = system.post(place("update-one")).json["id"]
    changed = update(system, "update-one", place("update-one", "Wijkpost West"))
    assert (changed.status, changed.json["id"], changed.json["meta"]["versionId"]) == (200, id_, "2")
    same = update(system, "update-one", place("update-one", "Wijkpost West", id=id_))
    assert (same.status, same.json["meta"]["versionId"]) == (200, "2")
    assert update(system, "update-one", place("update-one", "Noord"), If_Match='W/"1"').status == 412
    wrong = update(system, "update-one", place("update-one", id="another"))
    assert (wrong.status, wrong.json["issue"][0]["expression"]) == (400, ["Location.id"])
    assert [each["name"] for each in stored(system, "update-one")] == ["Wijkpost West"]


def test_update_and_patch_when_several_match(hub: Demo) -> None:
    system = hub.as_("system")
    several(system, "update-several")
    assert update(system, "update-several", place("update-several", "Noord")).status == 412
    patched = system.request("PATCH", f"Location?{by('update-several')}", {"name": "Noord"}, Content_Type=MERGE)
    assert patched.status == 412
    assert {each["name"] for each in stored(system, "update-several")} == {"Wijkpost Oost"}


def test_patch(hub: Demo) -> None:
    system = hub.as_("system")
    nothing = system.request("PATCH", f"Location?{by('patch-one')}", {"name": "Noord"}, Content_Type=MERGE)
    assert nothing.status == 404
    system.post(place("patch-one"))
    patched = system.request("PATCH", f"Location?{by('patch-one')}", {"name": "Noord"}, Content_Type=MERGE)
    assert (patched.status, patched.json["name"]) == (200, "Noord")


def test_delete(hub: Demo) -> None:
    system = hub.as_("system")
    assert system.request("DELETE", f"Location?{by('delete')}").status == 204
    id_ = system.post(place("delete")).json["id"]
    assert system.request("DELETE", f"Location?{by('delete')}", If_Match='W/"7"').status == 412
    assert system.request("DELETE", f"Location?{by('delete')}").status == 204
    assert system.get(f"Location/{id_}").status == 410
    assert system.request("DELETE", f"Location?{by('delete')}").status == 204
    several(system, "delete")
    reply = system.request("DELETE", f"Location?{by('delete')}")
    assert (reply.status, reply.detail) == (412, "multiple-matches")
    assert len(stored(system, "delete")) == 2


@pytest.mark.parametrize(
    "criteria",
    ["", "_format=json", "_count=1", f"{by('x')}&_sort=_lastUpdated", "nonsense=x", "_nonsense=x", "organization.name=x", "name="],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_criteria_that_are_none(hub: Demo, method: str, criteria: str) -> None:
    system = hub.as_("system")
    lenient = {"Prefer": "handling=lenient"}
    before = hub.rows("SELECT count(*), sum(version) FROM resource")
    if method == "POST":
        reply = system.request("POST", "Location", place("x"), If_None_Exist=criteria, **lenient)
    else:
        body = None if method == "DELETE" else place("x")
        content = {"Content_Type": MERGE} if method == "PATCH" else {}
        reply = system.request(method, f"Location?{criteria}", body, **content, **lenient)
    assert reply.status == 400, reply.body
    assert hub.rows("SELECT count(*), sum(version) FROM resource") == before


def test_a_bsn_is_allowed_in_the_header_and_not_in_the_url(hub: Demo) -> None:
    system = hub.as_("system")
    patient = {"resourceType": "Patient", "identifier": [{"system": BSN, "value": "999990159"}], "name": [{"family": "Proef"}]}
    made = system.request("POST", "Patient", patient, If_None_Exist=f"identifier={BSN}|999990159")
    assert made.status == 201
    again = system.request("POST", "Patient", patient, If_None_Exist=f"identifier={BSN}|999990159")
    assert (again.status, again.json["id"]) == (200, made.json["id"])
    refused = system.request("PUT", f"Patient?identifier={BSN}|999990159", patient)
    assert (refused.status, refused.detail) == (400, "bsn-in-url")
    as_id = system.request("PUT", "Patient?family=Nobody", {**patient, "id": "999990159"})
    assert (as_id.status, as_id.detail) == (400, "bsn-in-url")
    query = hub.rows("SELECT query FROM audit_event WHERE type = 'Patient' AND query LIKE '%999990159%'")
    assert query == []


def message(patient: str, value: str, sender: str) -> dict[str, Any]:
    return {
        "resourceType": "CommunicationRequest",
        "identifier": [{"system": SYSTEM, "value": value}],
        "status": "active",
        "subject": {"reference": patient},
        "requester": {"reference": sender},
    }


def test_nobody_learns_of_what_lies_outside_their_dossiers(hub: Demo) -> None:
    system, gp = hub.as_("system"), hub.as_("gp")
    foreign = message("Patient/other-client", "hidden", hub.facts["persons"]["gp"]["reference"])
    for _ in range(2):
        assert system.post(foreign).status == 201
    own = message("Patient/ansje", "hidden", hub.facts["persons"]["gp"]["reference"])
    made = gp.request("POST", "CommunicationRequest", own, If_None_Exist=by("hidden"))
    assert made.status == 201, made.body
    assert gp.request("POST", "CommunicationRequest", own, If_None_Exist=by("hidden")).json["id"] == made.json["id"]
    assert system.request("POST", "CommunicationRequest", own, If_None_Exist=by("hidden")).status == 412
    for each in system.get(f"CommunicationRequest?{by('hidden')}").ids():
        for task in system.get(f"Task?based-on={each}").ids():
            assert system.request("DELETE", task).status == 204
        assert system.request("DELETE", each).status == 204


def test_who_may_not_write_may_not_do_so_conditionally(hub: Demo) -> None:
    gp = hub.as_("gp")
    assert create(gp, "forbidden").status == 403
    assert update(gp, "forbidden", place("forbidden")).status == 403
    assert gp.request("DELETE", f"Location?{by('forbidden')}").status == 405
    assert Client(hub.port).request("DELETE", f"Location?{by('forbidden')}").status == 401
    assert hub.as_("system").request("DELETE", "AuditEvent?date=lt2000").status == 405
    assert hub.as_("system").request("PUT", "MedicationDispense?status=x", {}).status == 405


def at_once(act: Callable[[int], Reply]) -> list[Reply]:
    with ThreadPoolExecutor(20) as threads:
        return list(threads.map(act, range(20)))


def test_of_twenty_creates_at_once_one_is_made(hub: Demo) -> None:
    system = hub.as_("system")
    replies = at_once(lambda number: create(system, "race-create", name=f"Naam {number}"))
    assert sorted(each.status for each in replies) == [200] * 19 + [201]
    assert len({each.json["id"] for each in replies}) == 1
    assert len(stored(system, "race-create")) == 1


def test_of_twenty_updates_at_once_one_creates(hub: Demo) -> None:
    system = hub.as_("system")
    replies = at_once(lambda _: update(system, "race-update", place("race-update")))
    assert sorted(each.status for each in replies) == [200] * 19 + [201]
    assert len(stored(system, "race-update")) == 1


def test_of_twenty_deletes_at_once_one_deletes(hub: Demo) -> None:
    system = hub.as_("system")
    id_ = system.post(place("race-delete")).json["id"]
    replies = at_once(lambda _: system.request("DELETE", f"Location?{by('race-delete')}"))
    assert {each.status for each in replies} == {204}
    assert system.get(f"Location/{id_}/_history").json["total"] == 2


def test_every_request_leaves_one_line_in_the_record(hub: Demo) -> None:
    system = hub.as_("system")
    before = hub.rows("SELECT count(*) FROM audit_event")[0][0]
    create(system, "recorded")
    create(system, "recorded")
    update(system, "recorded", place("recorded", "Anders"))
    system.request("DELETE", f"Location?{by('recorded')}")
    system.request("DELETE", f"Location?{by('recorded')}")
    lines = hub.rows("SELECT interaction, status, version FROM audit_event ORDER BY row DESC LIMIT 5")[::-1]
    assert lines == [("create", 201, 1), ("create", 200, 1), ("update", 200, 2), ("delete", 204, 3), ("delete", 204, 0)]
    assert hub.rows("SELECT count(*) FROM audit_event")[0][0] == before + 5


def test_a_batch_may_create_conditionally(hub: Demo) -> None:
    entry = {
        "resource": place("in-a-batch"),
        "request": {"method": "POST", "url": "Location", "ifNoneExist": by("in-a-batch")},
    }
    reply = hub.as_("system").request("POST", "/fhir", {"resourceType": "Bundle", "type": "batch", "entry": [entry, entry]})
    assert [each["response"]["status"][:3] for each in reply.json["entry"]] == ["201", "200"]
