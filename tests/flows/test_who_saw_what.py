"""The client reads who saw what: the record as AuditEvents, on both engines."""

from base64 import b64decode
from typing import Any
from urllib.parse import quote

import pytest
from flows.client import Client, Demo, cli

from fhir_server.model.json import read
from fhir_server.validation import validate

RECORD = "https://netwerkdossier.example/fhir/record"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
RECEIPT = {
    "resourceType": "AuditEvent",
    "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
    "action": "R",
    "outcome": "0",
    "agent": [{"who": {"reference": "RelatedPerson/daughter-marije"}, "requestor": True}],
    "source": {"observer": {"display": "app"}},
    "entity": [{"what": {"reference": "Patient/ansje"}}, {"what": {"reference": "CommunicationRequest/thread-tablets"}}],
}


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


def token(hub: Demo, reference: str, role: str, **more: str) -> Client:
    words = [word for name, value in more.items() for word in (f"--{name}", value)]
    made = cli(
        "token", "--as", reference, "--role", role, *words, FHIR_SERVER_DATA_DIR=str(hub.folder), FHIR_SERVER_BASE_URL=base(hub)
    )
    assert made.returncode == 0, made.stderr
    return Client(hub.port, made.stdout.strip())


def base(hub: Demo) -> str:
    return str(hub.facts["base"]) + "/fhir"


def is_line(event: dict[str, Any]) -> bool:
    return str(event["meta"].get("source", "")) == RECORD


def lines(client: Client, *parameters: tuple[str, str]) -> list[dict[str, Any]]:
    reply = client.search("AuditEvent", *parameters)
    assert reply.status == 200, reply.body
    return [each for each in reply.resources if each["resourceType"] == "AuditEvent" and is_line(each)]


def who(event: dict[str, Any]) -> str:
    return next(str(agent["who"].get("reference", "")) for agent in event["agent"] if agent["requestor"])


def mentioned(event: dict[str, Any]) -> set[str]:
    return {entity["what"].get("reference", "") for entity in event.get("entity", ()) if "what" in entity}


def traced(number: int) -> dict[str, str]:
    return {"Traceparent": f"00-{TRACE[:-4]}{number:04x}-00f067aa0ba902b7-01"}


def of_trace(events: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    wanted = f"{TRACE[:-4]}{number:04x}"
    return [each for each in events if wanted in {one["valueString"] for one in each.get("extension", ())}]


def test_the_client_reads_who_saw_what(hub: Demo) -> None:
    gp, client = hub.as_("gp"), hub.as_("client")
    assert gp.get("Patient/ansje", **traced(1)).status == 200
    assert gp.get("Communication/reply-tablets", **traced(2)).status == 200
    assert gp.get("Communication?status=completed", **traced(3)).status == 200
    assert hub.as_("outsider").get("Communication/reply-tablets", **traced(4)).status == 403
    found = lines(client, ("patient", "Patient/ansje"))
    one, two, three, four = (of_trace(found, number)[0] for number in (1, 2, 3, 4))
    assert [who(each) for each in (one, two, three, four)] == ["Practitioner/gp-harmsen"] * 3 + ["Practitioner/gp-elders"]
    assert "Patient/ansje/_history/1" in mentioned(one)
    assert mentioned(two) >= {"Communication/reply-tablets/_history/1", "Patient/ansje"}
    assert b64decode(next(each["query"] for each in three["entity"] if "query" in each)) == b"Communication?status"
    assert (four["outcome"], four["outcomeDesc"]) == ("4", "HTTP 403 Forbidden")
    assert "Communication/reply-tablets" in mentioned(four)
    assert "Harmsen" in one["agent"][0]["name"]


def test_every_event_is_valid_and_read_by_its_id(hub: Demo) -> None:
    hub.as_("gp").get("MedicationDispense?patient=Patient/ansje")
    Client(hub.port).get("Patient/ansje")
    client = hub.as_("client")
    for event in lines(client, ("_count", "100")):
        assert [issue for issue in validate(read(b_of(event)).resource) if issue.severity == "error"] == []
    newest = lines(client)[0]
    again = client.get(f"AuditEvent/{newest['id']}")
    assert (again.status, again.json) == (200, newest)
    assert hub.as_("outsider").get(f"AuditEvent/{newest['id']}").status == 404
    assert client.get("AuditEvent/log..zzzz").status == 404


def b_of(event: dict[str, Any]) -> bytes:
    import json

    return json.dumps(event).encode()


def test_others_see_what_they_did_themselves(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje")
    hub.as_("nurse").get("Patient/ansje")
    hub.as_("outsider").get("Patient/ansje")
    for person, reference in (("nurse", "Practitioner/nurse-dijkema"), ("outsider", "Practitioner/gp-elders")):
        found = lines(hub.as_(person), ("_count", "100"))
        assert found
        assert {who(each) for each in found} == {reference}
    assert hub.as_("operator").get("AuditEvent").status == 403
    assert token(hub, "Patient/other-client", "patient").get("AuditEvent?entity=Patient/ansje").json.get("entry", []) == []


def test_a_token_for_one_client_sees_that_client_only(hub: Demo) -> None:
    system = token(hub, "Device/platform", "system", patient="other-client", scope="patient/*.rs")
    hub.as_("system").get("Patient/other-client")
    hub.as_("system").get("Patient")
    found = lines(system, ("_count", "100"))
    assert found
    assert {each for event in found for each in mentioned(event) if each.startswith("Patient/")} <= {
        "Patient/other-client",
        "Patient/other-client/_history/1",
    }


def test_a_search_over_two_dossiers_names_to_each_client_the_own_one(hub: Demo) -> None:
    hub.as_("system").get("Patient?_id=ansje,other-client", **traced(20))
    (seen,) = of_trace(lines(hub.as_("client")), 20)
    assert {each for each in mentioned(seen) if each.startswith("Patient/")} == {"Patient/ansje"}
    (all_,) = of_trace(lines(hub.as_("system")), 20)
    assert {each for each in mentioned(all_) if each.startswith("Patient/")} >= {"Patient/ansje", "Patient/other-client"}


def test_a_receipt_and_the_record_stand_side_by_side(hub: Demo) -> None:
    daughter = hub.as_("daughter")
    now = lines(hub.as_("client"))[0]["recorded"]
    made = daughter.post({**RECEIPT, "recorded": now})
    assert made.status == 201
    found = daughter.get("AuditEvent?_count=100").resources
    assert made.json["id"] in {each["id"] for each in found if not is_line(each)}
    assert any(map(is_line, found))
    dates = [each["recorded"] for each in found]
    assert dates == sorted(dates, reverse=True)
    assert all(each["id"].startswith("log.") == is_line(each) for each in found)


def test_nobody_writes_the_record(hub: Demo) -> None:
    line = lines(hub.as_("client"))[0]
    system = hub.as_("system")
    assert system.put(line).status == 405
    assert system.request("DELETE", f"AuditEvent/{line['id']}").status == 405
    forged = {**RECEIPT, "recorded": line["recorded"], "meta": {"source": RECORD}}
    assert (system.post(forged).status, system.post(forged).detail) == (422, "source-of-record")


@pytest.mark.parametrize("sort", ["-date", "date", "-_lastUpdated"])
def test_pages(hub: Demo, sort: str) -> None:
    for _ in range(3):
        hub.as_("gp").get("Patient/ansje")
    since = lines(hub.as_("client"), ("_count", "8"))[-1]["recorded"]
    until = lines(hub.as_("client"), ("_count", "1"))[0]["recorded"]
    narrowed = f"AuditEvent?patient=Patient/ansje&date=ge{since}&date=le{until}&_sort={sort}"
    whole = [each["id"] for each in hub.as_("client").get(f"{narrowed}&_count=100").resources]
    paged = [each["id"] for page in hub.as_("client").pages(f"{narrowed}&_count=3") for each in page.resources]
    assert len(whole) >= 8
    assert paged == whole


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("agent", "Practitioner/gp-harmsen", lambda event: who(event) == "Practitioner/gp-harmsen"),
        ("action", "R", lambda event: event["action"] == "R"),
        ("outcome", "4", lambda event: event["outcome"] == "4"),
        ("outcome:not", "0", lambda event: event["outcome"] != "0"),
        ("subtype", "search", lambda event: event["subtype"][0]["code"] == "search"),
        ("type", "rest", lambda event: event["type"]["code"] == "rest"),
        ("entity", "Communication/reply-tablets", lambda event: "Communication/reply-tablets/_history/1" in mentioned(event)),
        ("entity-type", "1", lambda event: any(each["type"]["code"] == "1" for each in event["entity"])),
        ("agent-role", "practitioner", lambda event: who(event).startswith("Practitioner/")),
        ("agent-name:contains", "Harmsen", lambda event: who(event) == "Practitioner/gp-harmsen"),
        ("_source", RECORD, is_line),
    ],
)
def test_what_can_be_searched_by(hub: Demo, name: str, value: str, holds: Any) -> None:
    hub.as_("gp").get("Communication/reply-tablets")
    hub.as_("gp").get("Communication?status=completed")
    hub.as_("outsider").get("Patient/ansje")
    every = lines(hub.as_("client"), ("_count", "100"))
    until = every[0]["recorded"]
    found = {each["id"] for each in lines(hub.as_("client"), (name, value), ("date", f"le{until}"), ("_count", "100"))}
    expected = {each["id"] for each in every if holds(each)}
    assert expected
    assert expected <= found
    counted = hub.as_("client").get(f"AuditEvent?{name}={quote(value)}&date=le{until}&_summary=count")
    assert counted.json["total"] >= len(expected)
