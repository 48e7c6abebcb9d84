"""Referential integrity over HTTP: what may be referred to, what may be deleted, and what both refusals say."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flows.client import Client, Demo, Reply, cli, demo
from flows.test_transaction import bundle, entry, send, statuses, stored

MERGE = "application/merge-patch+json"


def place(id_: str, part_of: str = "", **more: Any) -> dict[str, Any]:
    link = {"partOf": {"reference": part_of}} if part_of else {}
    named = {"id": id_} if id_ else {}
    return {"resourceType": "Location", **named, "name": "Verwijzing", **link, **more}


def put(client: Client, *resources: dict[str, Any]) -> None:
    for each in resources:
        assert client.put(each).status in {200, 201}


def delete(client: Client, reference: str) -> Reply:
    return client.request("DELETE", reference)


def text(reply: Reply) -> str:
    return str(reply.json["issue"][0]["details"]["text"])


def refused(reply: Reply, *expressions: str) -> None:
    assert (reply.status, reply.detail) == (422, "dangling-reference"), reply.body
    assert [issue["expression"] for issue in reply.json["issue"]] == [[each] for each in expressions]
    assert {issue["code"] for issue in reply.json["issue"]} == {"not-found"}


def test_a_reference_to_nothing_is_refused_on_every_way_of_writing(hub: Demo) -> None:
    system = hub.as_("system")
    put(system, place("way-stored"))
    before = stored(hub)
    new = {key: value for key, value in place("", "Location/way-nothing").items() if key != "id"}
    at = "Location.partOf.reference"
    refused(system.post(new), at)
    refused(system.put(place("way-new", "Location/way-nothing")), at)
    refused(system.put(place("way-stored", "Location/way-nothing")), at)
    refused(system.request("POST", "Location", new, If_None_Exist="name=nowhere"), at)
    refused(system.request("PUT", "Location?name=nowhere", new), at)
    patch = {"partOf": {"reference": "Location/way-nothing"}}
    refused(system.request("PATCH", "Location/way-stored", patch, Content_Type=MERGE), at)
    refused(
        send(hub, "system", bundle("transaction", entry("GET", "Patient/ansje"), entry("POST", "Location", new))),
        "Bundle.entry[1].resource.partOf.reference",
    )
    assert statuses(send(hub, "system", bundle("batch", entry("POST", "Location", new)))) == ["422"]
    assert b"way-nothing" not in system.post(new).body, "an id may say who somebody is"
    assert stored(hub) == before
    assert system.get("Location/way-stored").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    "literal", ["Location/is-there", "Location/is-there/_history/1", "{base}/Location/is-there", "Location/self"]
)
def test_what_is_there_may_be_referred_to(hub: Demo, literal: str) -> None:
    put(hub.as_("system"), place("is-there"))
    literal = literal.format(base=hub.facts["base"] + "/fhir")
    put(hub.as_("system"), place("self", literal))


@pytest.mark.parametrize("version", ["3", "99", "0", "01", "one", "9999999999999999999999"])
def test_a_version_that_does_not_exist(hub: Demo, version: str) -> None:
    put(hub.as_("system"), place("versions"), place("versions", name="Twee"), place("to-version"))
    at = "Location.partOf.reference"
    for literal in (f"Location/versions/_history/{version}", f"{hub.facts['base']}/fhir/Location/versions/_history/{version}"):
        refused(hub.as_("system").put(place("to-version", literal)), at)
    put(hub.as_("system"), place("to-version", "Location/versions/_history/1"), place("to-version", "Location/versions/_history/2"))
    refused(hub.as_("system").put(place("to-version", f"Location/versions/_history/{version}")), at)
    refused(hub.as_("system").put(place("of-itself", f"Location/of-itself/_history/{version}")), at)


def test_a_version_that_is_a_deletion_is_none(hub: Demo) -> None:
    system = hub.as_("system")
    put(system, place("revived"))
    assert delete(system, "Location/revived").status == 204
    put(system, place("revived"))
    refused(system.put(place("to-deletion", "Location/revived/_history/2")), "Location.partOf.reference")
    put(system, place("to-deletion", "Location/revived/_history/1"), place("to-deletion", "Location/revived/_history/3"))


def test_the_version_that_a_transaction_writes_may_be_referred_to(hub: Demo) -> None:
    put(hub.as_("system"), place("written"))
    next_ = entry("PUT", "Location/written", place("written", name="Volgende"))
    refused(
        send(hub, "system", bundle("transaction", entry("POST", "Location", place("", "Location/written/_history/3")), next_)),
        "Bundle.entry[0].resource.partOf.reference",
    )
    sent = [entry("POST", "Location", place("", f"Location/written/_history/{version}")) for version in (1, 2)]
    assert statuses(send(hub, "system", bundle("transaction", *sent, next_))) == ["201", "201", "200"]


def test_who_referred_to_a_version_that_is_not_there_may_change_the_rest(hub: Demo) -> None:
    put(hub.as_("system"), place("itself", "Location/itself/_history/1"))
    put(hub.as_("system"), place("itself", "Location/itself/_history/1", description="anders"))


@pytest.mark.parametrize("literal", ["Location/not-there", "Location/not-there/_history/1", "{base}/Location/not-there"])
def test_however_it_is_written(hub: Demo, literal: str) -> None:
    refused(hub.as_("system").put(place("pointer", literal.format(base=hub.facts["base"] + "/fhir"))), "Location.partOf.reference")


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "https://elsewhere.example/fhir/Location/not-there"},
        {"reference": "urn:uuid:0b6c2f6e-4a5e-4c0e-9c5e-000000000009"},
        {"identifier": {"system": "https://example.org/place", "value": "1"}},
    ],
)
def test_what_is_not_ours_is_not_checked(hub: Demo, reference: dict[str, Any]) -> None:
    put(hub.as_("system"), {**place("elsewhere"), "partOf": reference})


def test_what_the_sources_hold_is_not_checked(hub: Demo) -> None:
    dispense = hub.as_("gp").get("MedicationDispense?patient=Patient/ansje").resources[0]
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": "Patient/ansje"}}
    sealed = {"reference": f"MedicationDispense/{dispense['id']}"}
    assert hub.as_("system").post({**task, "focus": sealed}).status == 201
    assert hub.as_("system").post({**task, "focus": {"reference": "Condition/somewhere"}}).status == 201


def test_every_place_is_told(hub: Demo) -> None:
    contained = {"resourceType": "Location", "id": "c", "partOf": {"reference": "Location/no"}}
    communication = {
        "resourceType": "Communication",
        "status": "completed",
        "contained": [contained],
        "extension": [{"url": "https://example.org/x", "valueReference": {"reference": "Location/no"}}],
        "subject": {"reference": "Patient/ansje"},
        "about": [{"reference": "#c"}, {"reference": "Location/no"}],
        "recipient": [{"reference": "Practitioner/gp-harmsen"}, {"reference": "Practitioner/no"}],
    }
    refused(
        hub.as_("system").post(communication),
        "Communication.contained[0].partOf.reference",
        "Communication.extension[0].value.reference",
        "Communication.about[1].reference",
        "Communication.recipient[1].reference",
    )


def test_what_is_deleted_may_not_be_referred_to_nor_what_is_referred_to_be_deleted(hub: Demo) -> None:
    system = hub.as_("system")
    put(system, place("target"), place("other"), place("referrer", "Location/target"))
    reply = delete(system, "Location/target")
    assert (reply.status, reply.detail) == (409, "still-referenced")
    assert "Location/referrer" in text(reply)
    assert system.get("Location/target").status == 200
    put(system, place("referrer", "Location/other"))
    assert delete(system, "Location/target").status == 204, "a version that was replaced does not count"
    refused(system.put(place("referrer", "Location/target")), "Location.partOf.reference")
    assert delete(system, "Location/referrer").status == 204
    assert delete(system, "Location/other").status == 204, "what was deleted refers to nothing"


def test_a_reference_that_no_parameter_finds_counts_too(hub: Demo) -> None:
    system = hub.as_("system")
    extension = {"url": "https://example.org/x", "valueReference": {"reference": "Location/deep"}}
    put(system, place("deep"), place("deep-referrer", extension=[extension]))
    assert "Location/deep-referrer" in text(delete(system, "Location/deep"))
    put(system, place("deep-referrer"))
    assert delete(system, "Location/deep").status == 204


def test_a_resource_that_refers_to_itself_can_be_deleted(hub: Demo) -> None:
    put(hub.as_("system"), place("narcissus", "Location/narcissus"))
    assert delete(hub.as_("system"), "Location/narcissus").status == 204
    put(hub.as_("system"), place("narcissus", "Location/narcissus"))


def test_a_conditional_deletion_is_refused_as_well(hub: Demo) -> None:
    put(hub.as_("system"), place("named", name="Unieknaam"), place("named-referrer", "Location/named"))
    assert delete(hub.as_("system"), "Location?name=unieknaam").status == 409


def test_many_referrers_are_counted_and_twenty_are_named(hub: Demo) -> None:
    system = hub.as_("system")
    put(system, place("popular"), *(place(f"fan-{number:02}", "Location/popular") for number in range(25)))
    told = text(delete(system, "Location/popular"))
    assert told.count("Location/fan-") == 20
    assert "5 others" in told


def test_a_transaction_counts_as_a_whole(hub: Demo) -> None:
    system = hub.as_("system")

    def send_all(*entries: dict[str, Any]) -> Reply:
        return send(hub, "system", bundle("transaction", *entries))

    first, second = place("whole-a", "Location/whole-b"), place("whole-b", "Location/whole-a")
    made = send_all(entry("PUT", "Location/whole-a", first), entry("PUT", "Location/whole-b", second))
    assert statuses(made) == ["201", "201"], "each makes what the other refers to"
    alone = send_all(entry("DELETE", "Location/whole-a"))
    assert (alone.status, alone.detail, alone.json["issue"][0]["expression"]) == (409, "still-referenced", ["Bundle.entry[0]"])
    kept = send_all(entry("DELETE", "Location/whole-a"), entry("PUT", "Location/whole-b", {**second, "name": "Nog steeds"}))
    assert (kept.status, kept.detail) == (409, "still-referenced")
    fresh = place("whole-c", "Location/whole-a")
    together = send_all(
        entry("DELETE", "Location/whole-a"),
        entry("PUT", "Location/whole-b", place("whole-b")),
        entry("PUT", "Location/whole-c", fresh),
    )
    refused(together, "Bundle.entry[2].resource.partOf.reference")
    assert system.get("Location/whole-a").status == 200
    assert statuses(send_all(entry("DELETE", "Location/whole-a"), entry("DELETE", "Location/whole-b"))) == ["204", "204"]


def test_of_a_creation_and_a_deletion_at_once_none_leaves_a_dangling_reference(hub: Demo) -> None:
    system = hub.as_("system")

    def both(number: int) -> tuple[int, int]:
        name = f"raced-{number}"
        put(system, place(name))
        with ThreadPoolExecutor(2) as pair:
            gone = pair.submit(delete, system, f"Location/{name}")
            made = pair.submit(system.put, place(f"{name}-referrer", f"Location/{name}"))
            return gone.result().status, made.result().status

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(both, range(24)))
    assert set(results) <= {(204, 422), (409, 201)}
    for number, (gone, made) in enumerate(results):
        assert system.get(f"Location/raced-{number}").status == (410 if gone == 204 else 200)
        assert (system.get(f"Location/raced-{number}-referrer").status == 200) == (made == 201)


def test_what_was_loaded_dangling_can_still_be_changed_and_the_setting_turns_it_off(tmp_path: Path) -> None:
    (tmp_path / "old.ndjson").write_text('{"resourceType": "Location", "id": "old", "partOf": {"reference": "Location/never"}}\n')
    loaded = cli("load", str(tmp_path / "old.ndjson"), FHIR_SERVER_DATA_DIR=str(tmp_path / "data"))
    assert loaded.returncode == 0, loaded.stderr
    with demo(tmp_path / "data") as running:
        system = running.as_("system")
        put(system, place("old", "Location/never", name="Anders"))
        refused(system.put(place("young", "Location/never")), "Location.partOf.reference")
        extension = [{"url": "https://example.org/x", "valueReference": {"reference": "Location/other"}}]
        refused(system.put(place("old", "Location/never", extension=extension)), "Location.extension[0].value.reference")
    with demo(tmp_path / "data", FHIR_SERVER_REFERENTIAL_INTEGRITY="off") as running:
        system = running.as_("system")
        put(system, place("young", "Location/never"), place("free"), place("tied", "Location/free"))
        assert delete(system, "Location/free").status == 204
