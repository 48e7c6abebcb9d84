"""Citizen service numbers, sent to every endpoint: shown to those who may see them, and found nowhere else afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import at_rest
import pytest
from at_rest import canaries
from flows.client import Client, Demo, Reply
from flows.served import served

from fhir_server.search.rows import key

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
OID = "urn:oid:2.16.840.1.113883.2.4.6.3"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
XML = "application/fhir+xml"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}


def patient(number: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": BSN, "value": number}], "name": [{"family": "Proef"}], **more}


def posted(client: Client, path: str, query: str) -> Reply:
    return client.request("POST", f"{path}_search", query.encode(), **FORM)


def shown(resource: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in resource["identifier"] if each["system"] == BSN]
    return dict(found)


@pytest.mark.parametrize("person", ["system", "gp", "pharmacist", "nurse", "client"])
def test_who_may_see_a_number_sees_it(hub: Demo, person: str) -> None:
    assert shown(hub.as_(person).get("Patient/ansje").json) == {"system": BSN, "value": "999990019"}
    assert b'<value value="999990019"/>' in hub.as_(person).get("Patient/ansje", Accept=XML).body


@pytest.mark.parametrize("path", ["Patient/ansje", "Patient/ansje/_history/1", "Patient?_id=ansje", "Patient/ansje/_history"])
def test_a_carer_sees_that_there_is_a_number(hub: Demo, path: str) -> None:
    reply = hub.as_("daughter").get(path)
    resource = reply.json if reply.json["resourceType"] == "Patient" else reply.resources[0]
    assert shown(resource) == {"system": BSN, "_value": {"extension": [ABSENT]}}
    assert b"bsn~" not in reply.body


def test_what_comes_along_is_masked_too(hub: Demo) -> None:
    path = "CareTeam?patient=Patient/ansje&_include=CareTeam:patient"
    assert b"999990019" in hub.as_("gp").get(path).body
    reply = hub.as_("daughter").get(path)
    assert "Patient/ansje" in reply.ids("include")
    assert b"999990019" not in reply.body
    entry = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/ansje"}}]}
    assert b"999990019" not in hub.as_("daughter").request("POST", "/fhir", entry).body


@pytest.mark.parametrize("query", [f"identifier={BSN}|999990019", "identifier=999990019", "identifier:not=999990019"])
def test_a_number_finds_nothing_for_who_may_not_see_it(hub: Demo, query: str) -> None:
    found = {person: "Patient/ansje" in posted(hub.as_(person), "Patient/", query).ids() for person in ("gp", "client", "daughter")}
    wanted = ":not" not in query
    assert found == {"gp": wanted, "client": not wanted, "daughter": not wanted}


def test_a_number_comes_back_as_it_was_sent(hub: Demo) -> None:
    system = hub.as_("system")
    number, other = list(canaries(99994100))[:2]
    identifier = f'[ {{"value" :"{number}","system": "{BSN}" }},\n {{"system":"{OID}", "value":"{other}"}} ]'
    body = f'{{"resourceType":"Patient","id":"bsn-as-sent","identifier":{identifier},"extension":[{{"url":"https://a.example",'
    body += '"valueDecimal":1.00}]}'
    assert system.request("PUT", "Patient/bsn-as-sent", body.encode()).status == 201
    assert identifier.encode() in system.get("Patient/bsn-as-sent").body
    assert system.request("PUT", "Patient/bsn-as-sent", body.encode()).headers["etag"] == 'W/"1"'
    sent = system.get("Patient/bsn-as-sent", Accept=XML).body
    again = system.request("PUT", "Patient/bsn-as-sent", sent, Content_Type=XML, Accept=XML, Prefer="return=representation")
    assert again.body == sent
    assert again.headers["etag"] == 'W/"1"'
    assert f'<value value="{other}"/>'.encode() in sent


@pytest.mark.parametrize("number", ["999990018", " 999990019", "12345"])
def test_what_is_no_number_is_refused_without_its_text(hub: Demo, number: str) -> None:
    reply = hub.as_("system").post(patient(number))
    assert (reply.status, reply.detail) == (422, "bsn-invalid")
    assert reply.json["issue"][0]["expression"] == ["Patient.identifier[0].value"]
    assert number.strip().encode() not in reply.body


def sent_everywhere(hub: Demo, numbers: Iterator[str]) -> Iterator[tuple[str, Reply]]:
    """Send a number each to every interaction; yield it with the answer."""
    system = hub.as_("system")
    for prefer in ("representation", "minimal", "OperationOutcome"):
        yield (number := next(numbers)), system.post(patient(number), Prefer=f"return={prefer}")
    yield (number := next(numbers)), system.put(patient(number, id="bsn-canary"))
    yield (number := next(numbers)), system.put(patient(number, id="bsn-canary"))
    yield (
        (number := next(numbers)),
        patched(system, "json-patch", [{"op": "replace", "path": "/identifier/0/value", "value": number}]),
    )
    yield (number := next(numbers)), patched(system, "merge-patch", {"identifier": [{"system": OID, "value": number}]})
    added = {"name": "value", "valueIdentifier": {"system": BSN, "value": (number := next(numbers))}}
    parts = [("type", "valueCode", "add"), ("path", "valueString", "Patient"), ("name", "valueString", "identifier")]
    operation = {"name": "operation", "part": [*({"name": name, kind: text} for name, kind, text in parts), added]}
    yield number, system.request("PATCH", "Patient/bsn-canary", {"resourceType": "Parameters", "parameter": [operation]})
    nested = {"url": "https://a.example", "valueIdentifier": {"system": BSN, "value": (number := next(numbers))}}
    yield number, system.post({"resourceType": "Organization", "name": "Proef", "extension": [nested]})
    logical = {"type": "Patient", "identifier": {"system": BSN, "value": (number := next(numbers))}}
    yield number, system.post({"resourceType": "Task", "status": "draft", "intent": "order", "for": logical})
    sent = f'<Patient xmlns="http://hl7.org/fhir"><identifier><system value="{BSN}"/><value value="%s"/></identifier></Patient>'
    yield (number := next(numbers)), system.request("POST", "Patient", (sent % number).encode(), Content_Type=XML)
    yield (number := next(numbers)), system.request("POST", "Patient", patient(number), If_None_Exist=f"identifier={BSN}|{number}")
    for path in ("Patient/", "", "CareTeam/"):
        name = {"": "_type=Patient&identifier", "CareTeam/": "subject:Patient.identifier"}.get(path, "identifier")
        yield (number := next(numbers)), posted(system, path, f"{name}={BSN}|{number}&_count=1&_sort=-_lastUpdated")
    for query in ("Task?patient=Patient/{}", "Patient?_id={}", "AuditEvent?patient=Patient/{}"):
        yield (number := next(numbers)), system.get(query.format(number))
    for kind in ("batch", "transaction"):
        yield (number := next(numbers)), system.request("POST", "/fhir", bundle(kind, number))
    for reply in ("Patient/bsn-canary/_history", "Patient/bsn-canary/_history/2", "Patient/_history?_count=3", "Patient?_count=2"):
        yield next(numbers), system.get(reply)
    yield next(numbers), system.request("DELETE", "Patient/bsn-canary")


def patched(system: Client, language: str, patch: object) -> Reply:
    return system.request("PATCH", "Patient/bsn-canary", json.dumps(patch).encode(), Content_Type=f"application/{language}+json")


def bundle(kind: str, number: str) -> dict[str, Any]:
    url = f"Patient?identifier={BSN}|{number}"
    made = {"resource": patient(number), "request": {"method": "PUT", "url": url}}
    return {"resourceType": "Bundle", "type": kind, "entry": [made]}


def refused_everywhere(hub: Demo, numbers: Iterator[str]) -> Iterator[tuple[str, Reply]]:
    """Send a number each to where none belongs; yield it with the answer."""
    system = hub.as_("system")
    paths = ["Patient/{}", "Patient/{}/_history/1", "Patient/{}/*", "Patient/{}/CareTeam", "{}", "Patient/x/{}", "{}/x", "$x{}"]
    queries = [f"identifier={BSN}|{{}}", f"identifier={OID}|{{}}", "identifier={}", "identifier:not={}", "{}=1", "identifier:{}=1"]
    queries += ["_include=Patient:{}", "_sort={}", "_elements={}", "_page={}", "_summary={}", "_count={}x", "birthdate={}"]
    queries += ["_has:Task:patient:{}=1", "general-practitioner:{}.name=x", "active:in={}", "_total={}", "identifier=%zz{}"]
    queries += ["gender={}|a|b", "identifier:of-type=http://a.example|x|{}"]
    for path in [*paths, *(f"Patient?{each}" for each in queries)]:
        yield (number := next(numbers)), system.get(path.format(number))
        yield (number := next(numbers)), system.get(path.format(number), Accept=XML)
    yield (number := next(numbers)), system.get(f"MedicationDispense?patient=Patient/{number}")
    yield (number := next(numbers)), system.put(patient(number, id=number))
    yield (number := next(numbers)), system.get(f"_search?_type={number}")
    bodies = ['{"resourceType":"%s"}', '{"resourceType":"Patient","birthDate":"%s"}', '{"resourceType":"Patient","x%s":1}', "%s"]
    bodies += ['{"resourceType":"Patient","gender":"%s"}', '{"resourceType":"Patient","identifier":"%s"}', '{"%s" 1']
    bodies += ['{"resourceType":"Patient","managingOrganization":{"reference":"Patient?identifier=%s"}}']
    for body in bodies:
        yield (number := next(numbers)), system.request("POST", "Patient", (body % number).encode())
    yield (number := next(numbers)), system.request("POST", "Patient", f"<x{number}>".encode(), Content_Type=XML)
    yield (number := next(numbers)), system.request("POST", "Patient", b"{}", Content_Type=f"application/{number}")
    yield (number := next(numbers)), Client(hub.port, number).get("Patient")
    yield (number := next(numbers)), hub.as_("outsider").get(f"Patient?identifier={BSN}|{number}")


def test_numbers_are_nowhere_at_rest(hub: Demo) -> None:
    numbers = canaries(99994200)
    known = []
    for number, reply in sent_everywhere(hub, numbers):
        assert reply.status < 300, (number, reply.body)
        assert b"bsn~" not in reply.body
        known.append(number)
    for number, reply in refused_everywhere(hub, numbers):
        assert 400 <= reply.status < 500, reply.body
        assert number.encode() not in reply.body, reply.body
        known.append(number)
    assert len(known) > 80
    hub.as_("gp").get("MedicationDispense?patient=Patient/ansje")
    database = hub.database or f"sqlite:///{hub.folder}/hub.db"
    metrics = Client(hub.port).get("/metrics").body
    log = hub.folder.parent / f"{hub.folder.name}.log"
    assert log.exists()
    assert at_rest.where(known, [("metrics", metrics), *at_rest.files(hub.folder, log)]) == []
    assert at_rest.where(known, at_rest.server_files(database)) == []
    assert at_rest.where(known, at_rest.rows(database)) == []
    keys = ",".join(str(key("Patient", code, number)) for number in known for code in ("identifier", "identifier:of-type"))
    assert hub.rows(f"SELECT key FROM idx WHERE key IN ({keys})") == []


def test_the_search_for_numbers_finds_what_is_not_sealed(hub: Demo) -> None:
    """What the test above relies on: as a name, or under another system, a number stands in body and index."""
    name, value = list(canaries(99996000))[:2]
    identifier = {"system": "https://x.example", "value": value}
    made = {"resourceType": "Patient", "name": [{"family": f"No{name}"}], "identifier": [identifier]}
    assert hub.as_("system").post(made).status == 201
    found = at_rest.where([name, value], at_rest.rows(hub.database or f"sqlite:///{hub.folder}/hub.db"))
    assert {f"resource.body: {name}", f"resource.body: {value}"} <= set(found)
    assert any(place.startswith("idx_text.") for place in found)
    assert hub.rows(f"SELECT count(*) FROM idx WHERE key = {key('Patient', 'identifier', value)}") == [(1,)]
    assert posted(hub.as_("system"), "Patient/", f"identifier={value}").json["total"] == 1


def test_a_number_in_a_url_can_be_accepted_and_is_repeated_nowhere(tmp_path: Path) -> None:
    numbers = list(canaries(99997000))[:4]
    with served(tmp_path, FHIR_SERVER_BSN_IN_URL="accept-and-redact") as hub:
        system = hub.client()
        for number in numbers[:2] * 2:
            assert system.post(patient(number)).status == 201
        reply = system.get(f"Patient?identifier={BSN}|{numbers[0]}&_count=1")
        links = {link["relation"]: link["url"] for link in reply.json["link"]}
        assert reply.json["total"] == 2
        assert links["self"].endswith(f"Patient?identifier={BSN}|redacted&_count=1")
        assert numbers[0] not in json.dumps(links)
        assert len(system.follow(links["next"]).ids()) == 1
        everywhere = system.get(f"?_type=Patient&identifier={numbers[0]}")
        assert everywhere.json["total"] == 2
        assert numbers[0] not in everywhere.json["link"][0]["url"]
        assert system.request("PUT", f"Patient?identifier={numbers[2]}", patient(numbers[2])).status == 201
        assert system.get(f"Patient/{numbers[3]}").status == 400
        places = [*at_rest.files(tmp_path), *at_rest.rows(f"sqlite:///{tmp_path}/data/hub.db")]
        assert at_rest.where(numbers, places) == []
