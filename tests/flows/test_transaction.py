"""Bundles on the base over HTTP: transactions with references among their entries, batches, and what is refused."""

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flows.client import Demo, Reply

from fhir_server.model.json import read
from fhir_server.validation import validate

COUNT = "SELECT count(*) FROM resource"
LINES = "SELECT interaction, status, type, role, request FROM audit_event ORDER BY row LIMIT 100 OFFSET"
PATIENT, TEAM, THREAD = (f"urn:uuid:0b6c2f6e-4a5e-4c0e-9c5e-00000000000{n}" for n in (1, 2, 3))


def bundle(type_: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, **({"entry": list(entries)} if entries else {})}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    if resource:
        made["resource"] = resource
    return made


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Samengesteld"}], **more}


def team(subject: str, member: str, **more: Any) -> dict[str, Any]:
    participant = [{"member": {"reference": member}}]
    return {"resourceType": "CareTeam", "status": "active", "subject": {"reference": subject}, "participant": participant, **more}


def message(subject: str, sender: str, **more: Any) -> dict[str, Any]:
    payload = [{"contentString": "Bundel."}]
    content = {"status": "completed", "subject": {"reference": subject}, "sender": {"reference": sender}, "payload": payload}
    return {"resourceType": "Communication", **content, **more}


def send(hub: Demo, person: str, content: dict[str, Any], **headers: str) -> Reply:
    return hub.as_(person).request("POST", "", content, **headers)


def responses(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    assert [issue for issue in validate(read(reply.body).resource) if issue.severity == "error"] == []
    return [each["response"] for each in reply.json["entry"]]


def statuses(reply: Reply) -> list[str]:
    return [each["status"][:3] for each in responses(reply)]


def stored(hub: Demo) -> Any:
    return hub.rows(COUNT)


def network() -> dict[str, Any]:
    return bundle(
        "transaction",
        entry("POST", "Communication", message(PATIENT, "Practitioner/gp-harmsen", about=[{"reference": TEAM}])),
        entry("POST", "CareTeam", team(PATIENT, "Practitioner/gp-harmsen"), TEAM),
        entry("GET", "Patient/in-one-go"),
        entry("PUT", "Patient/in-one-go", patient(id="in-one-go"), PATIENT),
    )


def test_a_transaction_makes_a_network_of_resources(hub: Demo) -> None:
    reply = send(hub, "system", network())
    assert reply.json["type"] == "transaction-response"
    assert statuses(reply)[:3] == ["201", "201", "200"]
    communication, careteam, got, put = (each["resource"] for each in reply.json["entry"])
    assert communication["subject"] == careteam["subject"] == {"reference": "Patient/in-one-go"}
    assert communication["about"] == [{"reference": f"CareTeam/{careteam['id']}"}]
    assert got == put
    assert got["id"] == "in-one-go"
    made = responses(reply)[0]
    assert made["location"].endswith(f"/fhir/Communication/{communication['id']}/_history/1")
    assert made["etag"] == 'W/"1"'
    assert made["lastModified"] == communication["meta"]["lastUpdated"]
    assert hub.as_("system").get(f"Communication/{communication['id']}").json == communication
    assert hub.as_("gp").get(f"Communication?patient=Patient/in-one-go&_id={communication['id']}").json["total"] == 1, (
        "the membership that the same transaction made opens the dossier"
    )


def test_one_invalid_entry_stores_nothing(hub: Demo) -> None:
    before = stored(hub)
    content = bundle(
        "transaction",
        entry("POST", "Patient", patient(), PATIENT),
        entry("PUT", "CareTeam/never", team(PATIENT, "Practitioner/gp-harmsen", id="never")),
        entry("POST", "Communication", message(PATIENT, "Practitioner/gp-harmsen", colour="red")),
    )
    reply = send(hub, "system", content)
    assert reply.status == 422
    assert reply.json["resourceType"] == "OperationOutcome"
    assert reply.json["issue"][0]["expression"][0].startswith("Bundle.entry[2].resource")
    assert stored(hub) == before
    assert hub.as_("system").get("CareTeam/never").status == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (entry("PUT", "Organization/stale", {"resourceType": "Organization", "id": "stale", "name": "S"}, ifMatch='W/"9"'), 412),
        (entry("DELETE", "Organization/not-there"), 404),
        (entry("POST", "MedicationDispense", {"resourceType": "MedicationDispense", "status": "completed"}), 405),
        (entry("POST", "Nonsense", {"resourceType": "Patient"}), 404),
        (entry("POST", "Organization", {"resourceType": "Patient"}), 400),
        (entry("POST", "Organization"), 400),
        (entry("POST", "/", bundle("batch")), 405),
        (entry("GET", "metadata"), 405),
        (entry("GET", "Patient/not-there"), 404),
        (entry("GET", "Patient/ansje/_history/999"), 404),
        (entry("GET", "Location/not-there/_history"), 404),
        (entry("GET", "Patient?nonsense=1"), 400),
        (entry("GET", "MedicationDispense"), 400),
        (entry("GET", "https://elsewhere.example/fhir/Patient/1"), 400),
    ],
)
def test_a_transaction_fails_as_its_entry_would(hub: Demo, request_: dict[str, Any], status: int) -> None:
    before = stored(hub)
    reply = send(hub, "system", bundle("transaction", entry("POST", "Patient", patient()), request_))
    assert (reply.status, stored(hub)) == (status, before)
    assert reply.json["issue"][0]["expression"][0].startswith("Bundle.entry[1]")


def test_the_same_resource_or_full_url_twice_is_refused(hub: Demo) -> None:
    before = stored(hub)
    twice = [entry("PUT", "Patient/twice", patient(id="twice")), entry("DELETE", "Patient/twice")]
    named_twice = [entry("POST", "Patient", patient(), PATIENT), entry("POST", "Patient", patient(), PATIENT)]
    for entries in (twice, named_twice):
        reply = send(hub, "system", bundle("transaction", *entries))
        assert (reply.status, reply.detail, stored(hub)) == (400, "duplicate-identity", before)


def test_deletions_come_first_and_reads_last(hub: Demo) -> None:
    system = hub.as_("system")
    for name in ("order-a", "order-b"):
        system.put({"resourceType": "Location", "id": name, "name": "Volgorde"})
    content = bundle(
        "transaction",
        entry("GET", "Location?name=volgorde&_total=accurate"),
        entry("GET", "Location/order-b"),
        entry("PUT", "Location/order-b", {"resourceType": "Location", "id": "order-b", "name": "Volgorde", "status": "active"}),
        entry("POST", "Location", {"resourceType": "Location", "name": "Volgorde"}),
        entry("DELETE", "Location/order-a"),
    )
    reply = send(hub, "system", content)
    assert statuses(reply) == ["200", "200", "200", "201", "204"]
    assert reply.json["entry"][0]["resource"]["total"] == 2
    assert reply.json["entry"][1]["resource"]["status"] == "active"


def test_a_read_that_fails_refuses_the_whole(hub: Demo) -> None:
    system = hub.as_("system")
    system.put({"resourceType": "Location", "id": "soon-gone", "name": "Weg"})
    before, lines = stored(hub), hub.recorded()
    gone = send(hub, "system", bundle("transaction", entry("DELETE", "Location/soon-gone"), entry("GET", "Location/soon-gone")))
    assert (gone.status, gone.json["issue"][0]["code"], gone.json["issue"][0]["expression"]) == (
        410,
        "deleted",
        ["Bundle.entry[1]"],
    )
    alone = send(hub, "system", bundle("transaction", entry("GET", "Location/soon-gone"), entry("GET", "Location/never")))
    assert (alone.status, alone.json["issue"][0]["expression"]) == (404, ["Bundle.entry[1]"])
    closed = send(hub, "outsider", bundle("transaction", entry("GET", "Patient/ansje")))
    assert (closed.status, stored(hub)) == (403, before)
    assert [line[:2] for line in hub.rows(f"{LINES} {lines}")] == [("transaction", each) for each in (410, 404, 403)]


def test_what_finds_nothing_or_nothing_new_is_no_failure(hub: Demo) -> None:
    content = bundle(
        "transaction",
        entry("POST", "Patient", patient()),
        entry("GET", "Patient?family=nobody-has-this-name"),
        entry("GET", "Patient/ansje", ifNoneMatch=hub.as_("system").get("Patient/ansje").headers["etag"]),
        entry("GET", "MedicationDispense?patient=Patient/ansje"),
    )
    before = hub.recorded()
    reply = send(hub, "system", content)
    assert statuses(reply) == ["201", "200", "304", "200"]
    assert reply.json["entry"][1]["resource"]["total"] == 0
    names = ["create", "transaction", "search-type", "read", "search-type"]
    assert [line[0] for line in hub.rows(f"{LINES} {before}")] == names, "what is tried first leaves no line of its own"


def test_a_practitioner_writes_within_the_own_dossiers_only(hub: Demo) -> None:
    own = entry("POST", "Communication", message("Patient/ansje", "Practitioner/gp-harmsen"))
    other = entry("POST", "Communication", message("Patient/other-client", "Practitioner/gp-harmsen"))
    before = stored(hub)
    refused = send(hub, "gp", bundle("transaction", own, other))
    assert (refused.status, refused.detail, stored(hub)) == (403, "not-permitted", before)
    forbidden = send(hub, "gp", bundle("transaction", own, entry("POST", "Patient", patient())))
    assert (forbidden.status, forbidden.json["issue"][0]["expression"], stored(hub)) == (403, ["Bundle.entry[1]"], before)
    assert statuses(send(hub, "gp", bundle("transaction", own, own))) == ["201", "201"]
    assert statuses(send(hub, "gp", bundle("batch", other, own, entry("GET", "Patient/ansje")))) == ["403", "201", "200"]


def test_in_a_batch_every_entry_is_alone(hub: Demo) -> None:
    content = bundle(
        "batch",
        entry("GET", "Patient/ansje", ifNoneMatch='W/"1"'),
        entry("POST", "Organization", {"resourceType": "Organization", "colour": "red"}),
        entry("GET", "Nonsense/1"),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "Bundel"}, PATIENT),
        entry("GET", "Patient?_id=ansje"),
        entry("GET", "MedicationDispense?patient=Patient/ansje"),
        entry("PATCH", "Patient?family=nobody-at-all", {"resourceType": "Parameters"}),
        entry("POST", "Communication", message("Patient?_id=ansje", "Practitioner/gp-harmsen")),
    )
    reply = send(hub, "system", content)
    assert reply.json["type"] == "batch-response"
    assert statuses(reply) == ["304", "422", "404", "201", "200", "200", "404", "400"]
    entries = reply.json["entry"]
    assert entries[1]["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"]
    assert f"/fhir/Organization/{entries[3]['resource']['id']}/" in entries[3]["response"]["location"]
    assert entries[4]["resource"]["entry"][0]["resource"]["id"] == "ansje"
    assert entries[5]["resource"]["type"] == "searchset"


def test_a_batch_leaves_a_line_for_itself_and_for_each_entry(hub: Demo) -> None:
    before = hub.recorded()
    entries = [
        entry("GET", "Patient/ansje"),
        entry("GET", "Nonsense"),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "B"}),
        entry("POST", "Organization", {"resourceType": "Organization"}),
    ]
    send(hub, "system", bundle("batch", *entries))
    lines = hub.rows(f"{LINES} {before}")
    assert [line[:3] for line in lines] == [
        ("read", 200, "Patient"),
        ("unknown", 404, ""),
        ("create", 201, "Organization"),
        ("create", 422, "Organization"),
        ("batch", 200, ""),
    ]
    assert {line[3] for line in lines} == {"system"}
    assert len({line[4] for line in lines}) == 1


def test_a_transaction_leaves_its_lines_with_its_changes(hub: Demo) -> None:
    before = hub.recorded()
    send(hub, "system", bundle("transaction", entry("GET", "Patient/ansje"), entry("POST", "Patient", patient())))
    assert [line[:3] for line in hub.rows(f"{LINES} {before}")] == [
        ("create", 201, "Patient"),
        ("transaction", 200, ""),
        ("read", 200, "Patient"),
    ]
    before = hub.recorded()
    send(hub, "system", bundle("transaction", entry("POST", "Patient", patient()), entry("DELETE", "Patient/not-there")))
    assert [line[:3] for line in hub.rows(f"{LINES} {before}")] == [("transaction", 404, "")]


def test_patches_in_a_bundle(hub: Demo) -> None:
    system = hub.as_("system")
    for name in ("patch-a", "patch-b", "patch-c"):
        system.put({"resourceType": "Location", "id": name, "name": "Oud"})
    operation = b64encode(b'[{"op": "replace", "path": "/name", "value": "Nieuw"}]').decode()
    json_patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": operation}
    merge_patch = {**json_patch, "contentType": "application/merge-patch+json", "data": b64encode(b'{"name": "Nieuw"}').decode()}
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Location.name"},
        {"name": "value", "valueString": "Nieuw"},
    ]
    fhirpath = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    for type_ in ("batch", "transaction"):
        content = bundle(
            type_,
            entry("PATCH", "Location/patch-a", json_patch),
            entry("PATCH", "Location/patch-b", merge_patch),
            entry("PATCH", "Location/patch-c", fhirpath),
        )
        reply = send(hub, "system", content)
        assert statuses(reply) == ["200"] * 3
        assert {each["resource"]["name"] for each in reply.json["entry"]} == {"Nieuw"}
    refused = send(hub, "system", bundle("transaction", entry("PATCH", "Location/patch-a", {**json_patch, "contentType": "a/b"})))
    assert (refused.status, refused.json["issue"][0]["expression"]) == (400, ["Bundle.entry[0].resource"])


def test_prefer_counts_for_the_entries(hub: Demo) -> None:
    content = bundle("transaction", entry("POST", "Patient", patient()))
    assert "resource" not in send(hub, "system", content, Prefer="return=minimal").json["entry"][0]
    told = send(hub, "system", content, Prefer="return=OperationOutcome").json["entry"][0]
    assert told["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert send(hub, "system", content, Prefer="return=representation").json["entry"][0]["resource"]["name"]


def test_what_changes_nothing_keeps_its_version(hub: Demo) -> None:
    resource = patient(id="same-again")
    first = send(hub, "system", bundle("transaction", entry("PUT", "Patient/same-again", resource)))
    again = send(hub, "system", bundle("transaction", entry("PUT", "Patient/same-again", resource)))
    assert responses(first)[0]["etag"] == responses(again)[0]["etag"]
    assert statuses(again) == ["200"]


def test_more_than_a_thousand_entries_are_refused(hub: Demo) -> None:
    before = stored(hub)
    for type_ in ("batch", "transaction"):
        reply = send(hub, "system", bundle(type_, *[entry("POST", "Patient", patient())] * 1_001))
        assert (reply.status, reply.detail, stored(hub)) == (413, "too-many-entries", before)
        assert "1000" in reply.json["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("content", "status", "expression"),
    [
        (bundle("collection"), 400, "Bundle.type"),
        (patient(), 400, "resourceType"),
        (bundle("batch", {"resource": patient()}), 422, "Bundle.entry[0].request"),
        (bundle("batch", entry("GRAB", "Patient/1")), 422, "Bundle.entry[0].request.method"),
        (bundle("batch", {"request": {"method": "GET"}}), 422, "Bundle.entry[0].request.url"),
        ({**bundle("batch"), "entry": {"request": 1}}, 422, "Bundle.entry"),
    ],
)
def test_a_bundle_that_is_none_is_refused_as_a_whole(hub: Demo, content: dict[str, Any], status: int, expression: str) -> None:
    reply = send(hub, "system", content)
    assert (reply.status, reply.json["issue"][0].get("expression")) == (status, [expression])


def test_an_empty_bundle_is_answered(hub: Demo) -> None:
    for type_ in ("batch", "transaction"):
        assert send(hub, "system", bundle(type_)).json == {"resourceType": "Bundle", "type": f"{type_}-response"}


def test_a_transaction_in_xml(hub: Demo) -> None:
    body = b"""<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>
      <entry><resource><Patient><name><family value="Xml"/></name></Patient></resource>
      <request><method value="POST"/><url value="Patient"/></request></entry></Bundle>"""
    reply = hub.as_("system").request("POST", "", body, Content_Type="application/fhir+xml", Accept="application/fhir+xml")
    assert reply.status == 200
    assert b'<type value="transaction-response"/>' in reply.body
    assert b'<status value="201 Created"/>' in reply.body
    assert b'<family value="Xml"/>' in reply.body


def test_numbers_keep_their_digits(hub: Demo) -> None:
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "gewicht"},
        "subject": {"reference": PATIENT},
        "valueQuantity": {"value": "NUMBER", "unit": "kg"},
    }
    content = bundle("transaction", entry("POST", "Patient", patient(), PATIENT), entry("POST", "Observation", weight))
    body = json.dumps(content).replace('"NUMBER"', "70.50").encode()
    reply = hub.as_("system").request("POST", "", body)
    assert b'"value":70.50' in reply.body.replace(b'": ', b'":')


def test_what_is_written_elsewhere_at_the_same_time_is_not_lost(hub: Demo) -> None:
    system = hub.as_("system")
    system.put(patient(id="raced"))
    current = system.get("Patient/raced").headers["etag"]
    fresh = patient(id="raced", active=True)
    assert statuses(send(hub, "system", bundle("transaction", entry("PUT", "Patient/raced", fresh, ifMatch=current)))) == ["200"]
    stale = send(hub, "system", bundle("transaction", entry("PUT", "Patient/raced", patient(id="raced"), ifMatch=current)))
    assert stale.status == 412


def test_transactions_on_the_same_resources_at_once(hub: Demo) -> None:
    def both(number: int) -> Reply:
        resources = [{"resourceType": "Location", "id": f"at-once-{name}", "name": str(number)} for name in "ab"]
        entries = [entry("PUT", f"Location/{each['id']}", each) for each in resources[:: 1 if number % 2 else -1]]
        return send(hub, "system", bundle("transaction", *entries))

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(both, range(8)))
    assert {reply.status for reply in replies} <= {200, 409}
    written = sum(reply.status == 200 for reply in replies)
    found = [hub.as_("system").get(f"Location/at-once-{name}") for name in "ab"]
    assert [each.headers["etag"] for each in found] == [f'W/"{written}"'] * 2
    assert found[0].json["name"] == found[1].json["name"], "both are of the same transaction"


def test_only_searches_and_bundles_are_possible_on_the_base(hub: Demo) -> None:
    assert hub.as_("system").request("PUT", "").status == 405
    declared = hub.as_("system").get("metadata").json["rest"][0]["interaction"]
    assert {each["code"] for each in declared} >= {"batch", "transaction"}
