"""Bad and hostile input: a clear OperationOutcome, and nothing stored."""

import json

import pytest
from flows.client import Demo

PATIENT = {"resourceType": "Patient", "id": "hostile", "gender": "female"}
XML = "application/fhir+xml"
XXE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b'<Patient xmlns="http://hl7.org/fhir"><id value="hostile"/><language value="&e;"/></Patient>'
)
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    b'<Patient xmlns="http://hl7.org/fhir"><id value="hostile"/><language value="&c;"/></Patient>'
)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/fhir+json", 400),
        (b"{", "application/fhir+json", 400),
        (b"[]", "application/fhir+json", 400),
        (b'"text"', "application/fhir+json", 400),
        (b"\xff\xfe", "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"hostile","id":"hostile"}', "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"hostile","gender":null}', "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"hostile","name":[]}', "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"hostile","multipleBirthInteger":NaN}', "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"hostile","extension":' + b"[" * 100_000, "application/fhir+json", 400),
        (
            b'{"resourceType":"Patient","id":"hostile","contact":' + b'[{"extension":' * 70 + b"[1]" + b"}]" * 70 + b"}",
            "application/fhir+json",
            400,
        ),
        (b'{"resourceType":"Organization","id":"hostile","name":"x"}', "application/fhir+json", 400),
        (b'{"resourceType":"Patient","id":"other"}', "application/fhir+json", 400),
        (json.dumps({**PATIENT, "gender": "vrouw"}).encode(), "application/fhir+json", 422),
        (json.dumps({**PATIENT, "colour": "blue"}).encode(), "application/fhir+json", 422),
        (json.dumps({**PATIENT, "birthDate": "2026-02-30"}).encode(), "application/fhir+json", 422),
        (json.dumps({**PATIENT, "name": {"family": "x"}}).encode(), "application/fhir+json", 422),
        (b"<Patient", XML, 400),
        (XXE, XML, 400),
        (LAUGHS, XML, 400),
        (b'<Patient xmlns="http://hl7.org/fhir"><id value="hostile"/><colour value="blue"/></Patient>', XML, 400),
        (b"hello", "text/plain", 415),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None,
)
def test_a_bad_body(hub: Demo, body: bytes, content_type: str, status: int) -> None:
    system = hub.as_("system")
    reply = system.request("PUT", "Patient/hostile", body, Content_Type=content_type)
    assert reply.status == status, reply.body
    assert reply.json["resourceType"] == "OperationOutcome"
    assert reply.json["issue"][0]["details"]["text"]
    assert system.get("Patient/hostile").status == 404


def test_a_body_of_fifty_megabytes(hub: Demo) -> None:
    body = b'{"resourceType":"Patient","id":"hostile","implicitRules":"' + b"x" * 50_000_000 + b'"}'
    reply = hub.as_("system").request("PUT", "Patient/hostile", body)  # by a client that writes all of it before it reads
    assert reply.status == 413
    assert reply.json["issue"][0]["code"] == "too-long"
    assert hub.as_("system").get("Patient/hostile").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Nonsense", 404),
        ("Nonsense/1", 404),
        ("Patient/$nonsense", 404),
        ("Patient/a/b/c/d", 404),
        ("Patient/%ff", 400),
        ("Patient/999990019", 400),
        ("Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|999990019", 400),
        ("Patient?colour=blue", 400),
        ("Patient?_count=abc", 400),
        ("Patient?_sort=nosuch", 400),
        ("Patient?birthdate=yesterday", 400),
        ("Patient?name=%ff", 400),
        ("Patient?_page=forged", 400),
        ("Patient?_format=turtle", 400),
        ("MedicationDispense", 400),
        ("MedicationDispense?patient=ansje&patient=other-client", 400),
    ],
)
def test_a_bad_question(hub: Demo, path: str, status: int) -> None:
    reply = hub.as_("system").get(path)
    assert reply.status == status, reply.body
    assert reply.json["resourceType"] == "OperationOutcome"
    assert "999990019" not in reply.body.decode()


def test_what_is_not_known_is_only_ignored_when_asked_so(hub: Demo) -> None:
    lenient = hub.as_("system").get("Patient?colour=blue", Prefer="handling=lenient")
    assert lenient.status == 200
    assert [entry["search"]["mode"] for entry in lenient.json["entry"]].count("outcome") == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "MedicationDispense"),
        ("PUT", "MedicationDispense/x"),
        ("DELETE", "Condition/x"),
        ("PATCH", "AuditEvent/x"),
        ("DELETE", "AuditEvent/x"),
    ],
)
def test_what_a_type_does_not_do(hub: Demo, method: str, path: str) -> None:
    reply = hub.as_("system").request(method, path, {"resourceType": path.partition("/")[0]})
    assert reply.status == 405
    assert reply.json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("value", ["x' OR '1'='1", "x;DROP TABLE resource", "%25", "_", "\\", "'", '"', "zz,yy|xx$ww"])
def test_what_looks_like_sql_is_only_text(hub: Demo, value: str) -> None:
    reply = hub.as_("system").search("Patient", ("name", value.replace("%25", "%")))
    assert (reply.status, reply.ids()) == (200, [])
