"""What a line of the record is as an AuditEvent: valid, within the profiles that it claims, and no more than the line says."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.codes import outcome
from fhir_server.audit.fhir_event import Named, Observer, event
from fhir_server.model.json import read
from fhir_server.storage.repository import AuditRow, Logged
from fhir_server.validation import validate

OBSERVER = Observer("https://hub.example/fhir", "Hub of the north", "hub-1")
READ = AuditRow(
    recorded=1_780_000_000_123_456,
    actor="Practitioner/vos",
    role="practitioner",
    action="R",
    interaction="read",
    status=200,
    type="Communication",
    id="c",
    version=3,
    dossier="Patient/bakker",
    purpose="TREAT",
    request="0123456789abcdef",
    organisation="Organization/wold",
    client="app",
    basis="permit-careteam Consent/x/_history/2",
    trace="4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    address="192.0.2.7",
    category="message",
)
SEARCH = READ._replace(interaction="search-type", action="E", id="", version=0, query="status&_count", basis="")
NAMES = {
    "Practitioner/vos": Named("H. Vos"),
    "Organization/wold": Named("Het Wold", ("http://fhir.nl/fhir/NamingSystem/ura", "90000382")),
}
DCM = "http://dicom.nema.org/resources/ontology/DCM"
OZO = "http://ozoverbindzorg.nl/fhir/StructureDefinition/OZOAuditEvent"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


def made(line: AuditRow, *clients: str) -> dict[str, Any]:
    return event(Logged(7, "", 0, line), OBSERVER, NAMES, clients or line.dossier.split())


def agents(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {agent["type"]["coding"][0]["code"]: agent for agent in found["agent"]}


def test_a_read() -> None:
    found = made(READ)
    assert (found["action"], found["outcome"], found["outcomeDesc"]) == ("R", "0", "HTTP 200 OK")
    assert found["recorded"] == found["meta"]["lastUpdated"] == "2026-05-28T20:26:40.123Z"
    assert [each["valueString"] for each in found["extension"]] == READ.trace.split("-")
    assert found["meta"]["profile"] == [BALP + "PatientRead", OZO]
    person, software, server = (agents(found)[code] for code in ("IRCP", "110152", "110153"))
    assert (person["who"]["reference"], person["name"], person["requestor"]) == ("Practitioner/vos", "H. Vos", True)
    assert person["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    assert software["who"]["identifier"]["value"] == "app"
    assert software["network"] == {"address": "192.0.2.7", "type": "2"}
    assert server["who"]["identifier"]["value"] == "hub-1"
    assert agents(found)["PROV"]["who"]["identifier"]["value"] == "90000382"
    data, client, consent, request = found["entity"]
    assert data["what"]["reference"] == "Communication/c/_history/3"
    assert client["what"]["reference"] == "Patient/bakker"
    assert {each["type"]: each["valueString"] for each in client["detail"]} == {
        "data-category": "message",
        "decision": "permit-careteam",
    }
    assert consent["what"]["reference"] == "Consent/x/_history/2"
    assert request["what"]["identifier"]["value"] == READ.request


def test_in_a_query_the_roles_of_software_and_server_are_the_other_way_round() -> None:
    found = made(SEARCH)
    assert agents(found)["110153"]["who"]["identifier"]["value"] == "app"
    assert agents(found)["110152"]["who"]["identifier"]["value"] == "hub-1"
    assert found["meta"]["profile"] == [BALP + "PatientQuery", OZO]
    (query,) = [each for each in found["entity"] if "query" in each]
    assert b64decode(query["query"]) == b"Communication?status&_count"
    assert "what" not in query
    assert {each["code"] for each in found["subtype"]} == {"search", "search-type"}


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "0"), (304, "0"), (401, "4"), (403, "4"), (404, "4"), (500, "8"), (503, "8")]
)
def test_outcomes(status: int, expected: str) -> None:
    found = made(READ._replace(status=status))
    assert outcome(status) == found["outcome"] == expected
    assert (BALP + "PatientRead" in found["meta"]["profile"]) == (expected == "0")


def test_what_a_refused_request_does_not_know_is_left_out() -> None:
    nobody = AuditRow(READ.recorded, "", "", "R", "read", 401, "Patient", "bakker", dossier="Patient/bakker", address="192.0.2.7")
    found = made(nobody)
    (person,) = [each for each in found["agent"] if each["requestor"]]
    assert person["who"] == {"type": "Device", "display": "unknown"}
    assert found["entity"][0]["what"]["reference"] == "Patient/bakker"


def test_another_client_is_not_named() -> None:
    found = made(SEARCH._replace(dossier="Patient/bakker Patient/other"), "Patient/bakker")
    assert b"other" not in orjson.dumps(found)
    assert found["meta"]["profile"][0] == BALP + "PatientQuery"
    assert made(SEARCH._replace(dossier="Patient/bakker Patient/other"))["meta"]["profile"][0] == BALP + "Query"


def test_a_client_as_agent_is_unknown_to_ozo() -> None:
    assert made(READ._replace(actor="Patient/bakker", role="patient"))["meta"]["profile"] == [BALP + "PatientRead"]


def test_sources_that_were_asked() -> None:
    asked = made(SEARCH._replace(type="MedicationDispense", source="linde night", detail="linde=ok night=timeout"))
    told = {
        each["what"]["display"]: each["detail"][0]["valueString"]
        for each in asked["entity"]
        if "detail" in each and "role" not in each
    }
    assert told == {"linde": "ok", "night": "timeout"}


def test_break_glass_is_to_be_seen() -> None:
    found = made(READ._replace(purpose="BTG", reason="gevallen"))
    assert found["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert "gevallen" in {each["valueString"] for each in found["entity"][1]["detail"]}


_INTERACTIONS = {
    "read": "R",
    "vread": "R",
    "history-instance": "R",
    "history-type": "R",
    "history-system": "E",
    "search-type": "E",
    "search-system": "E",
    "create": "C",
    "update": "U",
    "patch": "U",
    "delete": "D",
    "batch": "E",
    "transaction": "E",
    "capabilities": "E",
    "unknown": "E",
    "reindex": "E",
    "$access-log": "E",
}
_PERSONS = [
    ("Practitioner/vos", "practitioner"),
    ("RelatedPerson/r", "related-person"),
    ("Patient/bakker", "patient"),
    ("Device/d", "system"),
    ("", ""),
]
_lines = st.builds(
    lambda kind, person, more: READ._replace(interaction=kind, action=_INTERACTIONS[kind], actor=person[0], role=person[1], **more),
    st.sampled_from(sorted(_INTERACTIONS)),
    st.sampled_from(_PERSONS),
    st.fixed_dictionaries(
        {
            "status": st.sampled_from([200, 201, 304, 400, 403, 404, 500, 599]),
            "type": st.sampled_from(["", "Patient", "Communication", "MedicationDispense"]),
            "id": st.sampled_from(["", "c"]),
            "version": st.integers(0, 3),
            "dossier": st.sampled_from(["", "Patient/bakker", "Patient/bakker Patient/b"]),
            "purpose": st.sampled_from(["", "TREAT", "BTG"]),
            "organisation": st.sampled_from(["", "Organization/wold", "Organization/x"]),
            "client": st.sampled_from(["", "app"]),
            "basis": st.sampled_from(["", "not-permitted", "permit-careteam Consent/x"]),
            "trace": st.sampled_from(["", READ.trace]),
            "address": st.sampled_from(["", "::1"]),
            "category": st.sampled_from(["", "message"]),
            "query": st.sampled_from(["", "status&?"]),
            "request": st.sampled_from(["", "r"]),
        }
    ),
)


@given(_lines)
def test_every_event_is_valid(line: AuditRow) -> None:
    found = made(line)
    assert [issue for issue in validate(read(orjson.dumps(found)).resource) if issue.severity == "error"] == []
    for claim in found["meta"].get("profile", ()):
        fits_ozo(found) if claim == OZO else fits_balp(found, claim.removeprefix(BALP))


def fits_ozo(found: dict[str, Any]) -> None:
    """Check what ozo.md 1.10 demands."""
    assert found["type"]["code"] == "rest"
    assert found["source"]["type"]
    for agent in found["agent"]:
        assert agent["who"].get("reference", "Device/").partition("/")[0] in {"Practitioner", "RelatedPerson", "Device"}
    for name, size in (("trace-id", 32), ("span-id", 16)):
        values = [each["valueString"] for each in found.get("extension", ()) if each["url"].endswith(name)]
        assert all(len(value) == size for value in values)


def fits_balp(found: dict[str, Any], pattern: str) -> None:
    """Check the slices of the BALP profiles (ITI BALP, Read, Query, Create, Update)."""
    kind = pattern.removeprefix("Patient")
    types = [each["type"]["coding"][0] for each in found["agent"]]
    client, server = ("110152", "110153") if kind == "Read" else ("110153", "110152")
    for code in (client, server):
        (agent,) = [each for each in found["agent"] if each["type"]["coding"][0] == types_of(types, code)]
        assert "network" in agent
        assert "media" not in agent
    for user in [each for each in found["agent"] if each["type"]["coding"][0]["code"] in {"IRCP", "AUT"}]:
        assert user["requestor"]
        assert "network" not in user
        assert user["type"]["coding"][0]["code"] == ("IRCP" if kind in {"Read", "Query"} else "AUT")
    assert found["outcome"] == "0"
    data = [each for each in found["entity"] if each["type"].get("code") == "2"]
    assert len(data) == 1
    assert data[0]["role"]["code"] == ("24" if kind == "Query" else "4")
    assert ("what" in data[0]) == (kind != "Query")
    clients = [each for each in found["entity"] if each["type"]["code"] == "1"]
    assert (len(clients) == 1) == pattern.startswith("Patient")


def types_of(types: list[dict[str, str]], code: str) -> dict[str, str]:
    return next(each for each in types if (each["system"], each["code"]) == (DCM, code))


def test_what_the_profile_of_ozo_requires_is_there(reference: Path) -> None:
    elements = json.loads((reference / "ozo-ig" / "profiles" / "StructureDefinition-ozo-auditevent.json").read_text())
    required = [
        each["path"].split(".")
        for each in (elements.get("differential") or elements["snapshot"])["element"]
        if each.get("min", 0) > 0 and each["path"].count(".") == 1
    ]
    assert required
    for line in (READ, SEARCH, READ._replace(status=403, version=0)):
        found = made(line)
        assert all(path[1] in found for path in required)
