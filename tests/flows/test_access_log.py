"""Patient/{id}/$access-log: the client's own copy of who saw what, as FHIR, on paper and in a spreadsheet."""

import csv
from io import StringIO
from typing import Any

import pytest
from flows.client import Client, Demo, Reply

from fhir_server.model.json import read
from fhir_server.validation import validate

LOG = "Patient/ansje/$access-log"


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


def entries(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    return [told(each["part"]) for each in reply.json.get("parameter", ()) if each["name"] == "entry"]


def told(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {part["name"]: next(value for name, value in part.items() if name.startswith("value")) for part in parts}


def test_in_plain_dutch(hub: Demo) -> None:
    for _ in range(3):
        hub.as_("gp").get("Patient/ansje")
    hub.as_("outsider").get("Patient/ansje")
    reply = hub.as_("client").get(LOG)
    assert [issue for issue in validate(read(reply.body).resource) if issue.severity == "error"] == []
    assert reply.headers["content-language"] == "nl"
    seen = next(each for each in entries(reply) if "Harmsen" in each["who"] and each["action"] == "bekeken")
    assert (seen["role"], seen["data"], seen["outcome"]) == ("zorgverlener", "persoonsgegevens", "gelukt")
    assert seen["count"] >= 3
    assert seen["emergency"] is False
    assert seen["agent"] == {"reference": "Practitioner/gp-harmsen"}
    refused = next(each for each in entries(reply) if each["agent"] == {"reference": "Practitioner/gp-elders"})
    assert (refused["outcome"], refused["basis"]) == ("geweigerd", "geen toegang")


def test_in_english(hub: Demo) -> None:
    hub.as_("gp").get("Communication/reply-tablets")
    reply = hub.as_("client").get(LOG, Accept_Language="de, en-GB;q=0.9, nl;q=0.8")
    assert reply.headers["content-language"] == "en"
    assert ("viewed", "message") in {(each["action"], each["data"]) for each in entries(reply)}


def test_it_is_recorded_itself(hub: Demo) -> None:
    hub.as_("client").get(LOG)
    line = hub.rows("SELECT actor, interaction, type, id, dossier FROM audit_event ORDER BY recorded DESC, row DESC LIMIT 1")[0]
    assert line == ("Patient/ansje", "$access-log", "Patient", "ansje", "Patient/ansje")


def test_being_told_is_switched_and_the_log_says_so(hub: Demo) -> None:
    client, choice = hub.as_("client"), "Patient/ansje/$access-notices"
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "on", "valueBoolean": True}]}
    assert told(client.get(choice).json["parameter"]) == {"on": False}
    switched = client.request("POST", choice, parameters)
    assert switched.status == 200, switched.body
    assert told(switched.json["parameter"])["on"] is True
    assert client.get(f"{choice}?on=false").status == 400, "a GET changes nothing"
    assert told(client.get(choice).json["parameter"])["on"] is True
    for person in ("gp", "outsider", "operator"):
        assert hub.as_(person).request("POST", choice, parameters).status == 403
        assert hub.as_(person).get(choice).status == 403
    assert Client(hub.port).get(choice).status == 401
    done = {(each["agent"]["reference"], each["action"]) for each in entries(client.get(LOG)) if each["outcome"] == "gelukt"}
    assert ("Patient/ansje", "gekozen of de cliënt bericht krijgt over wie er kijkt") in done
    task = hub.as_("system").get("Task?patient=Patient/ansje&code=access-notices").json["entry"][0]["resource"]["id"]
    assert hub.as_("system").request("DELETE", f"Task/{task}").status in {200, 204}  # this hub is shared
    assert told(client.get(choice).json["parameter"]) == {"on": False}


def test_whom_it_is_not_for(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje")
    hub.as_("outsider").get("Patient/ansje")
    found = entries(hub.as_("outsider").get(LOG))
    assert {each["agent"]["reference"] for each in found} == {"Practitioner/gp-elders"}
    assert hub.as_("operator").get(LOG).status == 403
    assert entries(hub.as_("client").get("Patient/other-client/$access-log")) == []
    assert hub.as_("client").request("POST", LOG).status == 200
    assert hub.as_("client").request("PUT", LOG).status == 405
    assert hub.as_("client").get(f"{LOG}?colour=red").status == 400


def test_a_period(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje")
    client = hub.as_("client")
    assert entries(client.get(f"{LOG}?end=2020-01-01")) == []
    assert entries(client.get(f"{LOG}?start=2020-01-01"))
    assert client.get(f"{LOG}?start=yesterday").status == 400


def test_on_paper(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje")
    reply = hub.as_("client").get(LOG, Accept="text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "Harmsen" in reply.body.decode()
    assert hub.as_("client").get(f"{LOG}?_format=text/html").headers["content-type"] == "text/html; charset=utf-8"


def test_in_a_spreadsheet(hub: Demo) -> None:
    hub.as_("gp").get("Patient/ansje")
    reply = hub.as_("client").get(f"{LOG}?_format=text/csv")
    assert reply.headers["content-type"].startswith("text/csv")
    head, *rows = csv.reader(StringIO(reply.body.decode()))
    assert head[0] == "Datum"
    assert any("Harmsen" in cell for row in rows for cell in row)


def test_refusals_are_fhir(hub: Demo) -> None:
    reply = hub.as_("operator").get(LOG, Accept="text/csv")
    assert (reply.status, reply.json["resourceType"]) == (403, "OperationOutcome")


def test_usage_report(hub: Demo) -> None:
    for person in ("operator", "system"):
        reply = hub.as_(person).get("$usage-report?month=2026-11")
        assert (reply.status, reply.json["resourceType"]) == (200, "MeasureReport")
        assert [issue for issue in validate(read(reply.body).resource) if issue.severity == "error"] == []
        assert b"Practitioner/" not in reply.body
    assert hub.as_("gp").get("$usage-report?month=2026-11").status == 403
    assert hub.as_("system").get("$usage-report?month=2026-13").status == 400


@pytest.mark.parametrize("name", ["access-log", "usage-report", "reindex"])
def test_operations_are_declared(hub: Demo, name: str) -> None:
    rest = hub.as_("system").get("metadata").json["rest"][0]
    declared = [*rest["operation"], *(each for resource in rest["resource"] for each in resource.get("operation", ()))]
    assert name in {each["name"] for each in declared}
