"""Conditional entries and conditional references in batches and transactions over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flows.client import Demo, Reply
from flows.test_transaction import bundle, entry, responses, send, statuses, stored

SYSTEM = "https://example.org/bundled-place"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
URNS = [f"urn:uuid:5d7be2ac-7f3b-4a4f-8f5c-00000000000{n}" for n in range(4)]


def by(number: str) -> str:
    return f"identifier={SYSTEM}|{number}"


def place(number: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Location", "identifier": [{"system": SYSTEM, "value": number}], "name": "Wijkpost", **more}


def part_of(literal: str, number: str = "part", **more: Any) -> dict[str, Any]:
    return place(number, partOf={"reference": literal}, **more)


def known(hub: Demo, number: str, times: int = 1) -> str:
    for _ in range(times):
        made = hub.as_("system").post(place(number))
        assert made.status == 201
    return str(made.json["id"])


def transaction(hub: Demo, *entries: dict[str, Any], person: str = "system") -> Reply:
    return send(hub, person, bundle("transaction", *entries))


def test_a_conditional_create_makes_or_finds_and_is_linked(hub: Demo) -> None:
    there = known(hub, "there")
    reply = transaction(
        hub,
        entry("POST", "Location", part_of(URNS[0])),
        entry("POST", "Location", part_of(URNS[1])),
        entry("POST", "Location", place("there", name="Anders"), URNS[0], ifNoneExist=by("there")),
        entry("POST", "Location", place("fresh"), URNS[1], ifNoneExist="?" + by("fresh")),
    )
    assert statuses(reply) == ["201", "201", "200", "201"]
    to_there, to_fresh, found, fresh = (each["resource"] for each in reply.json["entry"])
    assert to_there["partOf"] == {"reference": f"Location/{there}"}
    assert to_fresh["partOf"] == {"reference": f"Location/{fresh['id']}"}
    assert (found["id"], found["name"]) == (there, "Wijkpost")
    assert responses(reply)[2]["location"].endswith(f"/fhir/Location/{there}/_history/1")


def test_criteria_name_what_is_updated_patched_and_deleted(hub: Demo) -> None:
    system = hub.as_("system")
    ids = [known(hub, number) for number in ("to-update", "to-patch", "to-delete")]
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Location.name"},
        {"name": "value", "valueString": "Noord"},
    ]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    reply = transaction(
        hub,
        entry("PUT", f"Location?{by('to-update')}", part_of(URNS[0], "to-update"), URNS[1]),
        entry("PUT", f"Location?{by('to-make')}", part_of(URNS[1], "to-make"), URNS[0]),
        entry("PATCH", f"Location?{by('to-patch')}", patch),
        entry("DELETE", f"Location?{by('to-delete')}"),
        entry("DELETE", f"Location?{by('nothing-to-delete')}"),
    )
    assert statuses(reply) == ["200", "201", "200", "204", "204"]
    updated, made, patched = (each["resource"] for each in reply.json["entry"][:3])
    assert (updated["id"], updated["meta"]["versionId"], patched["id"], patched["name"]) == (ids[0], "2", ids[1], "Noord")
    assert (updated["partOf"], made["partOf"]) == (
        {"reference": f"Location/{made['id']}"},
        {"reference": f"Location/{ids[0]}"},
    ), "what only criteria named is linked like everything else"
    assert system.get(f"Location/{ids[2]}").status == 410


def test_if_match_counts_with_criteria(hub: Demo) -> None:
    known(hub, "if-match")
    url = f"Location?{by('if-match')}"
    assert transaction(hub, entry("PUT", url, place("if-match", name="Een"), ifMatch='W/"7"')).status == 412
    assert statuses(transaction(hub, entry("PUT", url, place("if-match", name="Een"), ifMatch='W/"1"'))) == ["200"]


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        (entry("POST", "Location", place("double"), ifNoneExist=by("double")), 412, "multiple-matches"),
        (entry("PUT", f"Location?{by('double')}", place("double")), 412, "multiple-matches"),
        (entry("DELETE", f"Location?{by('double')}"), 412, "multiple-matches"),
        (entry("POST", "Location", part_of(f"Location?{by('double')}")), 412, "multiple-matches"),
        (entry("POST", "Location", part_of(f"Location?{by('no-such')}")), 412, "no-match"),
        (entry("PATCH", f"Location?{by('no-such')}", {"resourceType": "Parameters"}), 404, "unknown-resource"),
        (entry("PUT", f"Location?{by('x')}", place("x", id="999990159")), 400, "bsn-in-url"),
        (entry("PUT", "Location?nonsense=1", place("x")), 400, "search-parameter-unknown"),
        (entry("DELETE", "Location?_sort=_lastUpdated"), 400, "bad-request"),
        (entry("POST", "Location", place("x"), ifNoneExist="_count=1"), 400, "bad-request"),
        (entry("POST", "Location", part_of("Nonsense?x=1")), 400, "bad-request"),
        (entry("POST", "Location", part_of("Location?nonsense=1")), 400, "search-parameter-unknown"),
    ],
)
def test_criteria_that_do_not_come_to_one_refuse_the_whole(hub: Demo, request_: dict[str, Any], status: int, detail: str) -> None:
    known(hub, "double", times=2)
    before = stored(hub)
    reply = transaction(hub, entry("POST", "Location", place("with-it")), request_)
    assert (reply.status, stored(hub)) == (status, before)
    assert reply.json["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert reply.detail == detail
    if "resource" in request_ and "?" in str(request_["resource"].get("partOf")):
        assert reply.json["issue"][0]["expression"] == ["Bundle.entry[1].resource.partOf.reference"]


def test_the_same_identity_or_criteria_twice_is_refused(hub: Demo) -> None:
    id_ = known(hub, "once")
    create = entry("POST", "Location", place("new"), ifNoneExist=by("new"))
    by_id = entry("PUT", f"Location/{id_}", place("once", id=id_))
    by_criteria = entry("PUT", f"Location?{by('once')}", place("once"))
    before = stored(hub)
    for entries in ((create, create), (by_id, by_criteria), (by_criteria, entry("DELETE", f"Location/{id_}"))):
        reply = transaction(hub, *entries)
        assert (reply.status, reply.detail, stored(hub)) == (400, "duplicate-identity", before)


def test_two_entries_that_turn_out_to_mean_the_same_are_refused(hub: Demo) -> None:
    both = {**place("one-name"), "identifier": [{"system": SYSTEM, "value": number} for number in ("one-name", "other-name")]}
    creates = [entry("POST", "Location", both, ifNoneExist=by(number)) for number in ("one-name", "other-name")]
    put = entry("PUT", "Location/mine", {**both, "id": "mine"})
    before = stored(hub)
    for entries in (creates, [creates[0], put], [entry("PUT", f"Location?{by('one-name')}", both), put]):
        reply = transaction(hub, *entries)
        assert (reply.status, reply.detail, stored(hub)) == (400, "duplicate-identity", before)
    assert statuses(transaction(hub, creates[0], entry("POST", "Location", place("another")))) == ["201", "201"]


def test_a_conditional_reference_means_what_matches(hub: Demo) -> None:
    id_ = known(hub, "referred-to")
    literal = f"Location?{by('referred-to')}"
    extension = {"url": "https://example.org/also", "valueReference": {"reference": literal}}
    reply = transaction(hub, entry("POST", "Location", part_of(literal, extension=[extension])))
    assert statuses(reply) == ["201"]
    made = reply.json["entry"][0]["resource"]
    assert made["partOf"] == made["extension"][0]["valueReference"] == {"reference": f"Location/{id_}"}


def test_a_conditional_reference_sees_the_callers_dossiers_only(hub: Demo) -> None:
    message = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": "Patient?name=oostra"},
        "sender": {"reference": "Practitioner/gp-harmsen"},
    }
    refused = transaction(hub, entry("POST", "Communication", message), person="gp")
    assert (refused.status, refused.detail) == (412, "no-match")
    own = {**message, "subject": {"reference": "Patient?name=veenstra"}}
    assert statuses(transaction(hub, entry("POST", "Communication", own), person="gp")) == ["201"]


@pytest.mark.parametrize("way", ["batch", "alone"])
def test_conditional_references_are_for_transactions_only(hub: Demo, way: str) -> None:
    resource = part_of(f"Location?{by('referred-to')}")
    if way == "alone":
        reply = hub.as_("system").post(resource)
        assert (reply.status, reply.detail) == (400, "reference-conditional")
        return
    answer = responses(send(hub, "system", bundle("batch", entry("POST", "Location", resource))))[0]
    assert answer["status"].startswith("400")
    assert answer["outcome"]["issue"][0]["expression"] == ["Location.partOf.reference"]


def test_the_entries_of_a_batch_are_conditional_one_by_one(hub: Demo) -> None:
    url = f"Location?{by('in-batch')}"
    reply = send(
        hub,
        "system",
        bundle(
            "batch",
            entry("PUT", url, place("in-batch")),
            entry("PUT", url, place("in-batch", name="Noord")),
            entry("POST", "Location", place("in-batch"), ifNoneExist=by("in-batch")),
            entry("DELETE", url, ifMatch='W/"9"'),
            entry("DELETE", url),
            entry("GET", "Patient/ansje", ifNoneMatch='W/"1"'),
            entry("GET", "Patient/ansje", ifModifiedSince=hub.as_("system").get("Patient/ansje").json["meta"]["lastUpdated"]),
        ),
    )
    assert statuses(reply) == ["201", "200", "200", "412", "204", "304", "304"]


def test_a_bsn_is_allowed_in_the_criteria_of_an_entry(hub: Demo) -> None:
    patient = {"resourceType": "Patient", "identifier": [{"system": BSN, "value": "999990317"}], "name": [{"family": "Proef"}]}
    put = entry("PUT", f"Patient?identifier={BSN}|999990317", patient)
    for type_ in ("batch", "transaction"):
        assert statuses(send(hub, "system", bundle(type_, put)))[0] in {"200", "201"}
    link = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient?identifier={BSN}|999990317"}}
    assert statuses(transaction(hub, entry("POST", "RelatedPerson", link))) == ["201"]
    assert hub.rows("SELECT query FROM audit_event WHERE query LIKE '%999990317%'") == []


def test_of_twenty_transactions_at_once_one_creates(hub: Demo) -> None:
    def send_one(number: int) -> Reply:
        create = entry("POST", "Location", place("race", name=str(number)), URNS[0], ifNoneExist=by("race"))
        return transaction(hub, entry("POST", "Location", part_of(URNS[0], "race-part")), create)

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(send_one, range(20)))
    done = [each for each in replies if each.status == 200]
    assert {each.status for each in replies} <= {200, 409}
    assert sorted(statuses(each)[1] for each in done) == ["200"] * (len(done) - 1) + ["201"]
    found = hub.as_("system").get(f"Location?{by('race')}").ids()
    assert len(found) == 1
    parts = hub.as_("system").get(f"Location?{by('race-part')}&_count=100").resources
    assert {each["partOf"]["reference"] for each in parts} == set(found)
    assert len(parts) == len(done)
