"""The main job: what the pharmacies dispensed, asked at this moment, translated, and kept nowhere."""

import re
from pathlib import Path

import pytest
from flows.client import Demo

QUESTION = "MedicationDispense?patient=Patient/ansje"
COMPLETENESS = "federation-completeness"
GP, HOMECARE = "urn:oid:2.16.528.1.1007.3.3.90000382", "urn:oid:2.16.528.1.1007.3.3.90000384"


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


def test_the_gp_sees_what_the_pharmacies_dispensed(hub: Demo) -> None:
    reply = hub.as_("gp").get(QUESTION)
    assert reply.status == 200
    assert reply.headers[COMPLETENESS] == "complete"
    found = [each for each in reply.resources if each["resourceType"] == "MedicationDispense"]
    assert len(found) == reply.json["total"] > 3
    for each in found:
        assert each["subject"]["reference"] == "Patient/ansje"
        assert each["meta"]["source"].startswith("urn:oid:2.16.528.1.1007.3.3.")
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", each["id"])
    assert len({each["meta"]["source"].partition("#")[0] for each in found}) == 2, "two pharmacies answer"
    assert "127.0.0.1" not in reply.body.decode().replace(hub.facts["base"], "")
    assert b"999990019" not in reply.body


def test_several_keys_sort_what_the_sources_answer(hub: Demo) -> None:
    for sign in ("", "-"):
        found = hub.as_("gp").get(f"{QUESTION}&_sort=status,{sign}identifier,-whenhandedover").resources
        keys = [(each["status"], each["identifier"][0]["value"]) for each in found if each["resourceType"] == "MedicationDispense"]
        assert len(set(keys)) > 1
        assert keys == sorted(sorted(keys, key=lambda each: each[1], reverse=bool(sign)), key=lambda each: each[0])
    refused = hub.as_("gp").get(f"{QUESTION}&_sort=status,performer")
    assert (refused.status, refused.detail) == (400, "search-sort")


def test_the_same_object_has_the_same_id(hub: Demo) -> None:
    assert hub.as_("gp").get(QUESTION).ids() == hub.as_("pharmacist").get(QUESTION).ids()


def test_one_of_them_can_be_read_and_so_can_its_medication(hub: Demo) -> None:
    gp = hub.as_("gp")
    first = gp.get(QUESTION).resources[0]
    read = gp.get(f"MedicationDispense/{first['id']}")
    assert read.status == 200
    assert {**read.json, "meta": 0} == {**first, "meta": 0}
    medication = gp.get(first["medicationReference"]["reference"])
    assert medication.status == 200
    assert medication.json["resourceType"] == "Medication"
    assert hub.as_("outsider").get(f"MedicationDispense/{first['id']}").status == 404
    head, letter, tail = first["id"][:-8], first["id"][-8], first["id"][-7:]
    assert gp.get(f"MedicationDispense/{head}{'b' if letter == 'a' else 'a'}{tail}").status == 404


def test_included_medications(hub: Demo) -> None:
    reply = hub.as_("gp").get(f"{QUESTION}&_include=MedicationDispense:medication")
    wanted = {each["medicationReference"]["reference"] for each in reply.resources if each["resourceType"] == "MedicationDispense"}
    assert set(reply.ids("include")) == wanted


def test_who_may_not_ask_looks_at_an_empty_answer(hub: Demo) -> None:
    outsider = hub.as_("outsider").get(QUESTION)
    assert (outsider.status, outsider.ids(), outsider.headers[COMPLETENESS]) == (200, [], "complete")
    nobody = hub.as_("gp").get("MedicationDispense?patient=Patient/nobody")
    assert (nobody.status, nobody.ids(), nobody.headers[COMPLETENESS]) == (200, [], "complete")
    assert hub.as_("daughter").get(QUESTION).status == 403


def test_everything_holds_what_the_searches_find(hub: Demo) -> None:
    gp = hub.as_("gp")
    reply = gp.get("Patient/ansje/$everything?_count=100")
    assert (reply.status, reply.headers[COMPLETENESS], reply.headers["cache-control"]) == (200, "complete", "private, no-store")
    dispensed = [each for each in reply.ids() if each.startswith("MedicationDispense/")]
    assert sorted(dispensed) == sorted(gp.get(QUESTION).ids())
    assert {each.partition("/")[0] for each in reply.ids("include")} >= {"Medication", "Practitioner", "Organization"}
    assert {each for each in reply.ids() if each.startswith("Communication/")} >= set(gp.get("Communication?_count=100").ids())
    assert hub.as_("client").get("Patient/ansje/$everything").status == 200
    assert hub.as_("outsider").get("Patient/ansje/$everything").status == 403
    assert hub.as_("operator").get("Patient/ansje/$everything").status == 403
    log = hub.as_("client").get("Patient/ansje/$access-log?_count=5").body.decode()
    assert "het hele dossier opgehaald" in log
    assert "verstrekte medicatie" in log


def test_the_gp_sees_what_the_own_system_holds(hub: Demo) -> None:
    gp = hub.as_("gp")
    for type_ in next(each["holds"] for each in hub.facts["sources"] if each["adapter"] == "gp/hl7v3"):
        reply = gp.get(f"{type_}?patient=Patient/ansje")
        assert (reply.status, reply.headers[COMPLETENESS]) == (200, "complete"), type_
        theirs = [each for each in reply.resources if each["meta"].get("source", "").startswith(GP)]
        assert theirs, type_
        assert b"999990019" not in reply.body
    (condition,) = gp.get("Condition?patient=Patient/ansje&code=K77&clinical-status=active").resources
    (episode,) = gp.get(f"EpisodeOfCare?patient=Patient/ansje&condition=Condition/{condition['id']}").resources
    assert episode["patient"]["reference"] == "Patient/ansje"
    assert gp.get(f"Condition/{condition['id']}").json["code"] == condition["code"]
    assert b"KANARIE-GEEN-ALLERGIE" not in gp.get("AllergyIntolerance?patient=Patient/ansje").body


def test_the_lines_of_a_report_are_in_it_and_nowhere_else(hub: Demo) -> None:
    gp = hub.as_("gp")
    reports = gp.get("Composition?patient=Patient/ansje")
    assert "KANARIE-JOURNAAL" in reports.body.decode()
    assert "KANARIE-JOURNAAL" not in gp.get("Observation?patient=Patient/ansje&_count=100&_include=*").body.decode()


def test_what_the_client_closed_to_the_pharmacist_is_not_there(hub: Demo) -> None:
    pharmacist = hub.as_("pharmacist")
    for type_ in ("Condition", "Composition", "Encounter", "EpisodeOfCare"):
        reply = pharmacist.get(f"{type_}?patient=Patient/ansje")
        assert (reply.status, reply.headers[COMPLETENESS]) == (200, "complete"), type_
        assert not [each for each in reply.resources if GP in each["meta"]["source"]], "home care is another holder"
        theirs = [each for each in hub.as_("gp").get(f"{type_}?patient=Patient/ansje").resources if GP in each["meta"]["source"]]
        assert {pharmacist.get(f"{type_}/{each['id']}").status for each in theirs} == {404}
    for type_ in ("AllergyIntolerance", "Flag", "MedicationRequest"):
        reply = pharmacist.get(f"{type_}?patient=Patient/ansje&_include=*")
        assert any(each.startswith(f"{type_}/") for each in reply.ids()), type_
        assert not [each for each in reply.ids("include") if each.partition("/")[0] in ("Condition", "Encounter")], type_


def test_measurements_of_two_languages_are_one_list(hub: Demo) -> None:
    nurse = hub.as_("nurse")
    reply = nurse.get("Observation?patient=Patient/ansje&code=29463-7,85354-9&_count=50&_include=Observation:performer")
    assert (reply.status, reply.headers[COMPLETENESS]) == (200, "complete")
    found = [each for each in reply.resources if each["resourceType"] == "Observation"]
    theirs = [each["meta"]["source"].partition("#")[0] for each in found]
    assert (theirs.count(HOMECARE), theirs.count(GP)) == (3, 2)
    days = [each["effectiveDateTime"][:10] for each in found]
    assert days == sorted(days, reverse=True)
    assert {each.partition("/")[0] for each in reply.ids("include")} >= {"PractitionerRole"}
    pages = [each for page in nurse.pages("Observation?patient=Patient/ansje&code=29463-7,85354-9&_count=2") for each in page.ids()]
    assert pages == reply.ids()
    pressure = next(each for each in found if "component" in each and each["meta"]["source"].startswith(HOMECARE))
    assert pressure["meta"].keys() == {"versionId", "lastUpdated", "source", "tag"}
    read = nurse.get(f"Observation/{pressure['id']}")
    assert {**read.json, "meta": 0} == {**pressure, "meta": 0}


def test_what_home_care_refers_to_is_found_at_the_hub_and_nothing_tells_where_it_lies(hub: Demo) -> None:
    gp = hub.as_("gp")
    (plan,) = gp.get("CarePlan?patient=Patient/ansje").resources
    goal = gp.get(plan["goal"][0]["reference"]).json
    (problem,) = (each["reference"] for each in plan["addresses"])
    assert goal["addresses"][0]["reference"] == problem
    assert gp.get(problem).json["subject"] == {"reference": "Patient/ansje"}
    role = gp.get(plan["activity"][0]["detail"]["performer"][0]["reference"]).json
    assert gp.get(role["practitioner"]["reference"]).json["name"][0]["text"] == "Wia Dijkema"
    assert gp.get(role["organization"]["reference"]).json["name"] == "Thuiszorg De Esdoorn"
    assert gp.get(f"CarePlan?patient=Patient/ansje&goal={plan['goal'][0]['reference']}").ids() == [f"CarePlan/{plan['id']}"]
    (procedure,) = gp.get("Procedure?patient=Patient/ansje").resources
    assert procedure["partOf"] == [{"display": "Behandeling in het ziekenhuis"}]
    assert procedure["extension"][0]["valueAttachment"]["url"].startswith("urn:uuid:")
    body = gp.get("Patient/ansje/$everything?_count=100").body.decode().replace(hub.facts["base"], "")
    assert not [trace for trace in ("127.0.0.1", "esd-", "wijk-0", "KANARIE-VERTELLING", "Binary/") if trace in body]
    assert hub.as_("outsider").get(problem).status == 404
    assert hub.as_("daughter").get("CarePlan?patient=Patient/ansje").status == 403


def test_nothing_of_it_is_on_disk(hub: Demo) -> None:
    gp = hub.as_("gp")
    for _ in range(20):
        answer = gp.get(QUESTION).body + gp.get(f"{QUESTION}&_include=MedicationDispense:medication").body
    held = {type_ for source in hub.facts["sources"] for type_ in source["holds"]}
    answer += b"".join(gp.get(f"{type_}?patient=Patient/ansje&_include=*").body for type_ in sorted(held))
    planted = [text for source in hub.facts["sources"] for text in source["canary"]]
    assert planted
    for text in planted:
        assert text.encode() in answer, f"{text} is in the answers"
    for path in files(hub.folder.parent):
        content = path.read_bytes()
        for text in planted:
            assert text.encode() not in content, f"{text} is in {path.name}"


def files(folder: Path) -> list[Path]:
    """Return every file below ``folder`` but demo.json, which names the planted texts for tests like this one."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "demo.json"]


@pytest.mark.parametrize(
    ("path", "says"),
    [("Medication", "comes along"), ("Condition/x/_history", "no versions"), ("Condition/x/_history/1", "no versions")],
)
def test_what_cannot_be_asked_for_is_refused_with_the_reason(hub: Demo, path: str, says: str) -> None:
    reply = hub.as_("gp").get(path)
    assert (reply.status, says in reply.body.decode()) == (405, True)
