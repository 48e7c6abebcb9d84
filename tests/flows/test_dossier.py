"""The dossier over HTTP: what is stored, by whom it is seen, how it is written."""

import json
from typing import Any

import pytest
from flows.client import Client, Demo

TEAM = "CareTeam/network-ansje"


def practitioner(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Practitioner", "active": True, "name": [{"family": "Proef"}], **more}


def test_the_team_with_its_members(hub: Demo) -> None:
    reply = hub.as_("gp").get(f"CareTeam?patient={hub.facts['patient']}&_include=CareTeam:participant")
    assert reply.status == 200
    assert reply.ids() == [TEAM]
    assert set(reply.ids("include")) >= {
        "Patient/ansje",
        "Practitioner/gp-harmsen",
        "Practitioner/nurse-dijkema",
        "RelatedPerson/daughter-marije",
    }
    assert reply.json["total"] == 1


@pytest.mark.parametrize("person", ["gp", "pharmacist", "nurse", "daughter", "client"])
@pytest.mark.parametrize("type_", ["Patient", "CareTeam", "CommunicationRequest", "Communication", "Task", "Consent"])
def test_members_see_the_dossier_and_no_other(hub: Demo, person: str, type_: str) -> None:
    reply = hub.as_(person).get(type_)
    assert reply.status == 200
    assert reply.ids()
    assert not {"Patient/other-client", "CareTeam/network-other"} & set(reply.ids())


@pytest.mark.parametrize("type_", ["CommunicationRequest", "Communication", "Task", "Consent"])
def test_an_outsider_sees_nothing_of_it(hub: Demo, type_: str) -> None:
    """They may see something else: the outsider is a member of the other network, where other tests write."""
    of_it = f"{type_}?patient={hub.facts['patient']}"
    theirs = {id_ for page in hub.as_("system").pages(f"{of_it}&_count=100") for id_ in page.ids()}
    assert theirs
    outsider = hub.as_("outsider")
    reply = outsider.get(of_it)
    assert (reply.status, reply.ids(), reply.json["total"]) == (200, [], 0)
    pages = list(outsider.pages(f"{type_}?_count=100"))
    seen = [id_ for page in pages for id_ in page.ids()]
    assert not theirs & set(seen)
    assert {page.json["total"] for page in pages} == {len(seen)}, "the count tells of nothing else either"


def test_reading_outside_the_own_dossiers_is_refused_without_content(hub: Demo) -> None:
    reply = hub.as_("outsider").get("Patient/ansje")
    assert (reply.status, reply.detail) == (403, "not-permitted")
    assert b"Veenstra" not in reply.body
    assert hub.as_("outsider").get("Patient/nobody-at-all").status == 404


def test_a_search_by_id_outside_the_own_dossiers_finds_nothing(hub: Demo) -> None:
    assert hub.as_("outsider").get("Patient?_id=ansje").json["total"] == 0


def test_the_operator_sees_no_patient_data(hub: Demo) -> None:
    assert hub.as_("operator").get("Patient/ansje").status == 403
    assert hub.as_("operator").get("Communication").status == 403


def test_without_a_token_there_is_nothing_but_metadata(hub: Demo) -> None:
    anonymous = Client(hub.port)
    refused = anonymous.get("Patient/ansje")
    assert (refused.status, refused.detail) == (401, "token-missing")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert anonymous.get("metadata").json["fhirVersion"] == "4.0.1"


def test_the_life_of_a_resource(hub: Demo) -> None:
    system = hub.as_("system")
    created = system.post(practitioner())
    assert created.status == 201
    place = created.headers["location"]
    id_ = created.json["id"]
    assert place.endswith(f"/fhir/Practitioner/{id_}/_history/1")
    assert created.headers["etag"] == 'W/"1"'

    read = system.get(f"Practitioner/{id_}")
    assert read.json == created.json
    assert system.get(f"Practitioner/{id_}", If_None_Match='W/"1"').status == 304

    changed = system.put(practitioner(id=id_, active=False), If_Match='W/"1"')
    assert (changed.status, changed.headers["etag"]) == (200, 'W/"2"')
    assert system.put(practitioner(id=id_), If_Match='W/"1"').status == 412
    assert system.get(f"Practitioner/{id_}/_history/1").json["active"] is True

    again = system.put(practitioner(id=id_, active=False))
    assert (again.status, again.headers["etag"]) == (200, 'W/"2"'), "what changes nothing keeps its version"

    assert system.request("DELETE", f"Practitioner/{id_}").status == 204
    assert system.get(f"Practitioner/{id_}").status == 410
    assert system.get(f"Practitioner?_id={id_}").json["total"] == 0
    assert system.put(practitioner(id=id_)).status == 201
    assert system.get(f"Practitioner/{id_}").headers["etag"] == 'W/"4"'


def test_what_is_put_is_what_is_got(hub: Demo) -> None:
    body = b"""{ "resourceType": "Observation", "id": "exact", "status": "final",
      "code": {"text": "gewicht \\u00e9\\u00e9n"}, "subject": {"reference": "Patient/ansje"},
      "effectiveDateTime": "2026-11-01T08:00:00.500+01:00", "_effectiveDateTime": {"id": "a"},
      "valueQuantity": {"value": 1.00, "unit": "kg"} }"""
    stored = hub.as_("system").request("PUT", "Observation/exact", body)
    assert stored.status == 201
    got = hub.as_("system").get("Observation/exact")
    for text in (b'"value": 1.00', b"2026-11-01T08:00:00.500+01:00", b"\\u00e9\\u00e9n", b'{"id": "a"}'):
        assert text in got.body


def test_xml_in_and_out(hub: Demo) -> None:
    system = hub.as_("system")
    body = b'<Organization xmlns="http://hl7.org/fhir"><id value="from-xml"/><name value="Wijkteam"/></Organization>'
    assert system.request("PUT", "Organization/from-xml", body, Content_Type="application/fhir+xml").status == 201
    assert system.get("Organization/from-xml").json["name"] == "Wijkteam"
    xml = system.get("Organization/from-xml", Accept="application/fhir+xml")
    assert xml.headers["content-type"].startswith("application/fhir+xml")
    assert b'<name value="Wijkteam"/>' in xml.body
    bundle = system.get("Organization?_id=from-xml&_format=xml")
    assert b"<Bundle" in bundle.body
    assert b'<name value="Wijkteam"/>' in bundle.body


def test_head_and_gzip_and_a_slash_at_the_end(hub: Demo) -> None:
    system = hub.as_("system")
    head = system.request("HEAD", "Patient/ansje")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) == len(system.get("Patient/ansje").body)
    assert system.get("Patient/ansje/").status == 200
    packed = system.get("metadata", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json["resourceType"] == "CapabilityStatement"


def test_paging_finds_everything_once(hub: Demo) -> None:
    system = hub.as_("system")
    for number in range(25):
        place = {"resourceType": "Location", "id": f"place-{number:02}", "name": "Paging"}
        assert system.put(place).status in {200, 201}
    pages = list(system.pages("Location?name=paging&_count=10"))
    links = [link["url"] for page in pages for link in page.json["link"] if link["relation"] == "next"]
    assert len(links) == 2
    assert not any("paging" in link.lower() for link in links)
    found = [id_ for page in pages for id_ in page.ids()]
    assert sorted(found) == [f"Location/place-{number:02}" for number in range(25)]
    assert system.get("Location?name=paging&_count=10&_total=accurate").json["total"] == 25
    assert system.get("Location?name=paging&_summary=count").json["total"] == 25


def test_a_page_belongs_to_one_caller(hub: Demo) -> None:
    first = hub.as_("gp").get("Practitioner?_count=1")
    link = next(each["url"] for each in first.json["link"] if each["relation"] == "next")
    assert hub.as_("gp").follow(link).status == 200
    assert hub.as_("nurse").follow(link).status == 403
    assert hub.as_("gp").follow(link[:-3] + "abc").status == 400


def test_people_write_in_their_own_name_in_their_own_dossiers(hub: Demo) -> None:
    def message(sender: str, patient: str = "Patient/ansje") -> dict[str, Any]:
        return {
            "resourceType": "Communication",
            "status": "completed",
            "subject": {"reference": patient},
            "sender": {"reference": sender},
            "payload": [{"contentString": "Dank u wel."}],
        }

    daughter = hub.as_("daughter")
    sent = daughter.post(message("RelatedPerson/daughter-marije"))
    assert sent.status == 201
    assert sent.json["id"] in {each.partition("/")[2] for each in hub.as_("nurse").get("Communication").ids()}
    assert daughter.post(message("Practitioner/gp-harmsen")).status == 403
    assert daughter.post(message("RelatedPerson/daughter-marije", "Patient/other-client")).status == 403
    assert daughter.request("DELETE", f"Communication/{sent.json['id']}").status == 405
    team = json.loads(daughter.get(TEAM).body)
    assert daughter.put(team).status == 403


def test_leaving_the_team_ends_access_at_once(hub: Demo) -> None:
    system = hub.as_("system")
    team = system.get("CareTeam/network-other").json
    joined = {
        **team,
        "participant": [*team["participant"], {"member": {"reference": "Practitioner/nurse-dijkema", "type": "Practitioner"}}],
    }
    nurse = hub.as_("nurse")
    assert nurse.get("Patient/other-client").status == 403
    assert system.put(joined).status == 200
    assert nurse.get("Patient/other-client").status == 200
    assert system.put(team).status == 200
    assert nurse.get("Patient/other-client").status == 403
