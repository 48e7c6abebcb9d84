"""Who inspects the record: all of it and nothing else, by two factors, and on the record as well."""

import pytest
from flows.client import Client, Demo
from flows.test_under_consent import World

from fhir_server import bootstrap
from fhir_server.settings import read_settings

CLIENT, NURSE = "Patient/ansje", "Practitioner/nurse-dijkema"


@pytest.fixture
def officer(hub: Demo) -> Client:
    person = World(hub).put("Practitioner", "officer", active=True, name=[{"text": "Fenna Toezicht"}])
    return acting(hub, person)


def acting(hub: Demo, reference: str, scope: str = "") -> Client:
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(hub.folder), "FHIR_SERVER_PORT": str(hub.port)})
    at = bootstrap.now()
    return Client(hub.port, bootstrap.token_for(settings, reference, "privacy-officer", ttl=600, at=at, scope=scope))


def test_the_record_of_everybody_is_read(hub: Demo, officer: Client) -> None:
    hub.as_("nurse").get(CLIENT)
    hub.as_("gp").get(CLIENT)
    found = officer.get(f"AuditEvent?patient={CLIENT}&_count=100")
    assert found.status == 200, found.body
    people = {agent["who"].get("reference") for each in found.resources for agent in each["agent"]}
    assert {NURSE, "Practitioner/gp-harmsen"} <= people
    mine = officer.get(f"AuditEvent?agent={NURSE}&_count=5")
    assert mine.status == 200
    assert mine.resources
    line = next(each for each in found.resources if each["id"].startswith("log."))
    assert officer.get(f"AuditEvent/{line['id']}").json["id"] == line["id"]
    log = officer.get(f"{CLIENT}/$access-log?_count=5")
    assert log.status == 200, log.body
    assert "entry" in {each["name"] for each in log.json["parameter"]}


def test_nothing_else_is(officer: Client) -> None:
    for path in (CLIENT, "Task", "CareTeam", "MedicationDispense?patient=ansje", f"{CLIENT}/$everything", f"{CLIENT}/$who-can-see"):
        assert officer.get(path).status == 403, path
    receipt = {"resourceType": "AuditEvent", "recorded": "2026-06-01T10:00:00Z"}
    assert officer.post(receipt).status == 403
    assert officer.get("$usage-report?month=2026-01").status == 403
    assert officer.request("PUT", "AuditEvent/1", {**receipt, "id": "1"}).status == 405
    found = officer.get(f"AuditEvent?patient={CLIENT}&_include=AuditEvent:patient&_count=1")
    assert found.status in {200, 400}
    assert {each["resourceType"] for each in found.resources} <= {"AuditEvent", "OperationOutcome"}


def test_what_was_inspected_is_told_to_the_client(hub: Demo, officer: Client) -> None:
    hub.as_("nurse").get(CLIENT)
    (line,) = officer.get(f"AuditEvent?agent={NURSE}&entity={CLIENT}&_count=1").resources
    assert officer.get(f"AuditEvent/{line['id']}").status == 200
    log = hub.as_("client").get(f"{CLIENT}/$access-log?_count=50", Accept_Language="en").json
    entries = [
        {part["name"]: part.get("valueString", "") for part in each["part"]} for each in log["parameter"] if each["name"] == "entry"
    ]
    told = [(each["role"], each["basis"], each["purpose"]) for each in entries if each["who"] == "Fenna Toezicht"]
    assert ("privacy officer", "supervision of who looks", "supervision") in told
    seen = hub.rows("SELECT dossier, interaction FROM audit_event WHERE role = 'privacy-officer' AND status = 200")
    assert (CLIENT, "read") in seen
    assert any(CLIENT in dossier.split() and interaction == "search-type" for dossier, interaction in seen)


def test_who_has_left_inspects_no_more(hub: Demo) -> None:
    person = World(hub).put("Practitioner", "leaver", active=False)
    gone = acting(hub, person).get("AuditEvent?_count=1")
    assert (gone.status, gone.detail) == (401, "person-left")
