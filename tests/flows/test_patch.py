"""The patch interaction over HTTP: each language, preconditions, and that a refused patch leaves everything as it was."""

from typing import Any

import pytest
from flows.client import Client, Demo, Reply

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
XML = "application/fhir+xml"
LAST = "SELECT action, interaction, status, type, id, version FROM audit_event ORDER BY row DESC"


def start(client: Client, id_: str, **more: Any) -> Client:
    """Store an Organization anew, as its version 1 or a later one."""
    organization = {"resourceType": "Organization", "id": id_, "active": True, "name": "Wijkteam Oost", **more}
    assert client.put(organization).status in {200, 201}
    return client


def patch(client: Client, id_: str, body: Any, content_type: str, **headers: str) -> Reply:
    return client.request("PATCH", f"Organization/{id_}", body, Content_Type=content_type, **headers)


def rename(name: str, test: str | None = None) -> list[dict[str, Any]]:
    tests = [{"op": "test", "path": "/name", "value": test}] if test else []
    return [*tests, {"op": "replace", "path": "/name", "value": name}]


def replacing(path: str, value: str) -> dict[str, Any]:
    part = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", "valueString": value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}


REPLACING_XML = (
    b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
    b'<part><name value="type"/><valueCode value="replace"/></part>'
    b'<part><name value="path"/><valueString value="Organization.name"/></part>'
    b'<part><name value="value"/><valueString value="Wijkteam West"/></part></parameter></Parameters>'
)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(rename("Wijkteam West", "Wijkteam Oost"), JSON_PATCH, id="json-patch"),
        pytest.param({"name": "Wijkteam West", "telecom": None}, MERGE_PATCH, id="merge-patch"),
        pytest.param({"name": "Wijkteam West"}, "application/json", id="merge-as-json"),
        pytest.param({"name": "Wijkteam West"}, "application/fhir+json; charset=utf-8", id="merge-as-fhir+json"),
        pytest.param(replacing("Organization.name", "Wijkteam West"), "application/fhir+json", id="fhirpath-patch"),
        pytest.param(REPLACING_XML, XML, id="fhirpath-patch-xml"),
    ],
)
def test_every_language(hub: Demo, request: pytest.FixtureRequest, body: Any, content_type: str) -> None:
    id_ = f"patched-{request.node.callspec.id.split('-', 1)[1].replace('+', '-')}"
    system = start(hub.as_("system"), id_)
    before = int(system.get(f"Organization/{id_}").headers["etag"].strip('W/"'))
    lines = hub.recorded()
    changed = patch(system, id_, body, content_type)
    assert (changed.status, changed.headers["etag"]) == (200, f'W/"{before + 1}"')
    assert "location" not in changed.headers
    assert hub.rows(f"{LAST} LIMIT {hub.recorded() - lines}") == [("U", "patch", 200, "Organization", id_, before + 1)]
    now = system.get(f"Organization/{id_}").json
    assert now == changed.json
    assert {**now, "meta": None} == {
        "resourceType": "Organization",
        "id": id_,
        "meta": None,
        "active": True,
        "name": "Wijkteam West",
    }
    assert system.get(f"Organization?_id={id_}&name=wijkteam%20west").ids() == [f"Organization/{id_}"], "the index follows"
    again = patch(system, id_, {"name": "Wijkteam West"}, MERGE_PATCH)
    assert (again.status, again.headers["etag"]) == (200, f'W/"{before + 1}"'), "what changes nothing keeps its version"


def test_preconditions(hub: Demo) -> None:
    system = start(hub.as_("system"), "patched-if-match")
    tag = system.get("Organization/patched-if-match").headers["etag"]
    changed = patch(system, "patched-if-match", rename("Eerst"), JSON_PATCH, If_Match=tag)
    assert changed.status == 200
    late = patch(system, "patched-if-match", rename("Te laat"), JSON_PATCH, If_Match=tag)
    assert (late.status, late.detail) == (412, "precondition-failed")
    assert system.get("Organization/patched-if-match").json["name"] == "Eerst"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ([{"op": "replace", "path": "/name", "value": "B"}, {"op": "test", "path": "/name", "value": "A"}], JSON_PATCH, 422),
        ([{"op": "remove", "path": "/telecom"}], JSON_PATCH, 422),
        ([{"op": "replace", "path": "/id", "value": "other"}], JSON_PATCH, 422),
        ([{"op": "replace", "path": "/resourceType", "value": "Patient"}], JSON_PATCH, 422),
        ([{"op": "remove", "path": ""}], JSON_PATCH, 422),
        ([{"op": "add", "path": "/colour", "value": "red"}], JSON_PATCH, 422),
        ([{"op": "add", "path": "/active", "value": None}], JSON_PATCH, 422),
        ([{"op": "rename", "path": "/name"}], JSON_PATCH, 400),
        ({"op": "remove", "path": "/name"}, JSON_PATCH, 400),
        (b"[", JSON_PATCH, 400),
        (b'[{"op": "replace", "path": "/name", "value": "\\ud800"}]', JSON_PATCH, 400),
        ({"active": "yes"}, MERGE_PATCH, 422),
        ({"id": None}, MERGE_PATCH, 422),
        ({"resourceType": "Patient"}, "application/json", 422),
        ({"type": {"text": {"x": None}}}, MERGE_PATCH, 422),
        ([], MERGE_PATCH, 400),
        ("text", MERGE_PATCH, 400),
        (replacing("Organization.colour", "red"), "application/fhir+json", 422),
        (replacing("Organization.alias", "A"), "application/fhir+json", 422),
        (replacing("Organization.name.where(matches('(a+)+'))", "A"), "application/fhir+json", 400),
        (replacing("Organization.id", "other"), "application/fhir+json", 422),
        ({"resourceType": "Parameters", "colour": "red"}, "application/fhir+json", 422),
        ({"resourceType": "Parameters"}, "application/fhir+json", 400),
        (b'<Organization xmlns="http://hl7.org/fhir"><name value="B"/></Organization>', XML, 400),
        (b"<diff/>", "application/xml-patch+xml", 415),
        (b"x", "text/plain", 415),
        (b"[]", "application/json-patch+json; charset=latin-1", 415),
    ],
)
def test_a_refused_patch_changes_nothing(hub: Demo, body: Any, content_type: str, status: int) -> None:
    system = start(hub.as_("system"), "patched-badly", name="A", alias=["B", "C"])
    before = system.get("Organization/patched-badly")
    lines = hub.recorded()
    refused = patch(system, "patched-badly", body, content_type)
    assert (refused.status, refused.json["resourceType"]) == (status, "OperationOutcome")
    assert hub.recorded() == lines + 1
    assert hub.rows(f"{LAST} LIMIT 1")[0][:5] == ("U", "patch", status, "Organization", "patched-badly")
    after = system.get("Organization/patched-badly")
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


def test_an_unknown_language_says_which_are_known(hub: Demo) -> None:
    refused = patch(start(hub.as_("system"), "patched-badly"), "patched-badly", b"<diff/>", "application/xml-patch+xml")
    assert "application/json-patch+json" in refused.headers["accept-patch"]
    declared = hub.as_("system").get("metadata").json["patchFormat"]
    assert set(declared) >= {JSON_PATCH, MERGE_PATCH, "application/fhir+json", XML}


def test_what_is_not_there_cannot_be_patched(hub: Demo) -> None:
    system = start(hub.as_("system"), "patched-and-gone")
    assert patch(system, "never-there", rename("B"), JSON_PATCH).status == 404
    assert system.request("DELETE", "Organization/patched-and-gone").status == 204
    assert patch(system, "patched-and-gone", rename("B"), JSON_PATCH).status == 410
    assert patch(system, "patched-and-gone", rename("B"), JSON_PATCH, If_Match='W/"1"').status == 410


@pytest.mark.parametrize("type_", ["AuditEvent", "Provenance", "MedicationDispense", "Condition"])
def test_types_that_are_not_patched(hub: Demo, type_: str) -> None:
    assert hub.as_("system").request("PATCH", f"{type_}/x", [], Content_Type=JSON_PATCH).status == 405


def test_a_patch_is_allowed_to_whom_an_update_is(hub: Demo) -> None:
    for person in ("gp", "daughter", "outsider", "operator"):
        refused = hub.as_(person).request("PATCH", "Patient/ansje", {"active": False}, Content_Type=MERGE_PATCH)
        assert (refused.status, refused.json["resourceType"]) == (403, "OperationOutcome")
    consent = hub.as_("client").get("Consent").resources[0]
    assert hub.as_("system").put({"resourceType": "Patient", "id": "patched-other"}).status in {200, 201}
    other = {"reference": "Patient/patched-other"}
    identifier = [{**consent["identifier"][0], "value": "of-another"}]
    foreign = hub.as_("system").put(
        {**consent, "id": "of-another", "patient": other, "performer": [other], "identifier": identifier}
    )
    assert foreign.status in {200, 201}
    client = hub.as_("client")
    assert client.request("PATCH", "Consent/of-another", {"language": "nl"}, Content_Type=MERGE_PATCH).status == 403
    assert client.request("PATCH", f"Consent/{consent['id']}", {"language": "nl"}, Content_Type=MERGE_PATCH).status == 200
    stolen = {"patient": {"reference": "Patient/other-client"}}
    assert client.request("PATCH", f"Consent/{consent['id']}", stolen, Content_Type=MERGE_PATCH).status == 403
    assert client.get(f"Consent/{consent['id']}").json["patient"] == consent["patient"]


def test_what_a_patch_leaves_alone_stays_as_it_was_written(hub: Demo) -> None:
    body = b"""{ "resourceType": "Observation", "id": "patched-exact", "status": "final",
      "code": {"text": "gewicht \\u00e9\\u00e9n"}, "subject": {"reference": "Patient/ansje"},
      "valueQuantity": {"value": 1.00, "unit": "kg"} }"""
    system = hub.as_("system")
    assert system.request("PUT", "Observation/patched-exact", body).status in {200, 201}
    step = {"op": "replace", "path": "/status", "value": "amended"}
    assert system.request("PATCH", "Observation/patched-exact", [step], Content_Type=JSON_PATCH).status == 200
    now = system.get("Observation/patched-exact").body
    for text in (b'{"value": 1.00, "unit": "kg"}', b"gewicht \\u00e9\\u00e9n", b'"status":"amended"'):
        assert text in now
    precise = b'[{"op": "replace", "path": "/valueQuantity/value", "value": 1.000}]'
    changed = system.request("PATCH", "Observation/patched-exact", precise, Content_Type=JSON_PATCH)
    assert b'"value":1.000' in changed.body, "the precision of a decimal is part of it"


def test_prefer_and_xml_hold_for_patches_too(hub: Demo) -> None:
    system = start(hub.as_("system"), "patched-prefer")
    assert patch(system, "patched-prefer", rename("B"), JSON_PATCH, Prefer="return=minimal").body == b""
    assert b'<name value="C"/>' in patch(system, "patched-prefer", rename("C"), JSON_PATCH, Accept=XML).body


def test_leaving_the_team_by_a_patch_ends_access_at_once(hub: Demo) -> None:
    system, nurse = hub.as_("system"), hub.as_("nurse")
    member = {"member": {"reference": "Practitioner/nurse-dijkema", "type": "Practitioner"}}
    joined = [{"op": "add", "path": "/participant/-", "value": member}]
    assert nurse.get("Patient/other-client").status == 403
    assert system.request("PATCH", "CareTeam/network-other", joined, Content_Type=JSON_PATCH).status == 200
    assert nurse.get("Patient/other-client").status == 200
    team = system.get("CareTeam/network-other").json
    left = [{"op": "remove", "path": f"/participant/{len(team['participant']) - 1}"}]
    assert system.request("PATCH", "CareTeam/network-other", left, Content_Type=JSON_PATCH).status == 200
    assert nurse.get("Patient/other-client").status == 403
