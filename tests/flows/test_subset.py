"""Parts of resources over HTTP: wherever a resource is answered, _summary and _elements choose what is shown of it."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flows.client import Demo, Reply

pytestmark = pytest.mark.parametrize("hub", ["sqlite"], indirect=True)  # no statement to the store differs

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
OBSERVATION = b"""{"resourceType":"Observation","id":"subset","status":"final","code":{"text":"gewicht"},
 "subject":{"reference":"Patient/ansje"},"text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
 "effectiveDateTime":"2026-11-01T08:00:00.500+01:00","valueQuantity":{"value": 70.00,"unit":"kg"},"note":[{"text":"nuchter"}]}"""
TEAM = "CareTeam/network-ansje"


@pytest.fixture
def observation(hub: Demo) -> Reply:
    reply = hub.as_("system").request("PUT", "Observation/subset", OBSERVATION)
    assert reply.status in {200, 201}
    return reply


def shown(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    resource: dict[str, Any] = reply.json
    return resource["entry"][0]["resource"] if resource["resourceType"] == "Bundle" else resource


def is_subset(resource: dict[str, Any]) -> bool:
    return SUBSETTED in resource["meta"].get("tag", [])


PLACES = [
    "Observation/subset?",
    "Observation/subset/_history/1?",
    "Observation/subset/_history?",
    "Observation?_id=subset&",
    "Patient/ansje/Observation?_id=subset&",
]


@pytest.mark.usefixtures("observation")
@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_resource_is_answered(hub: Demo, place: str) -> None:
    system = hub.as_("system")
    whole = shown(system.get(place.rstrip("?&")))
    assert not is_subset(whole)
    for query, gone, kept in (
        ("_summary=true", {"note", "text"}, {"valueQuantity", "subject", "code"}),
        ("_summary=text", {"note", "valueQuantity"}, {"text", "code", "status"}),
        ("_summary=data", {"text"}, {"note", "valueQuantity"}),
        (
            "_elements=value,subject.reference",
            {"note", "text", "effectiveDateTime"},
            {"valueQuantity", "subject", "code", "status"},
        ),
        ("_elements=Observation.note", {"valueQuantity"}, {"note", "code"}),
    ):
        part = shown(system.get(place + query))
        assert is_subset(part)
        assert not gone & part.keys()
        assert part.keys() >= kept | {"id", "meta"}
        assert part["meta"]["versionId"] == whole["meta"]["versionId"]
    assert shown(system.get(place + "_summary=false")) == whole


def test_the_text_of_what_is_shown_and_the_version_stay(hub: Demo, observation: Reply) -> None:
    system = hub.as_("system")
    part = system.get("Observation/subset?_elements=value,effective")
    assert b'"valueQuantity":{"value": 70.00,"unit":"kg"}' in part.body
    assert b"2026-11-01T08:00:00.500+01:00" in part.body
    assert part.headers["etag"] == observation.headers["etag"]
    assert system.get("Observation/subset?_summary=true", If_None_Match=part.headers["etag"]).status == 304
    xml = system.get("Observation/subset?_summary=true&_format=xml")
    assert b'<code value="SUBSETTED"/>' in xml.body
    assert b'<value value="70.00"/>' in xml.body
    assert b"nuchter" not in xml.body
    head = system.request("HEAD", "Observation/subset?_summary=true")
    assert int(head.headers["content-length"]) == len(system.get("Observation/subset?_summary=true").body)


@pytest.mark.usefixtures("observation")
@pytest.mark.parametrize(
    "query", ["_summary=maybe", "_summary=true&_summary=data", "_elements=", "_elements=a..b", "_elements=colour"]
)
@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_asked_is_refused(hub: Demo, place: str, query: str) -> None:
    reply = hub.as_("system").get(place + query)
    assert (reply.status, reply.detail) == (400, "search-value")


@pytest.mark.usefixtures("observation")
def test_what_does_not_go_together_is_refused(hub: Demo) -> None:
    system = hub.as_("system")
    for path in (
        "Observation/subset?_summary=count",
        "Observation/subset?_summary=true&_elements=note",
        "Observation?_summary=true&_elements=note",
        "Patient?_summary=text&_revinclude=CareTeam:patient",
        "CareTeam?_summary=text&_include=CareTeam:participant",
    ):
        assert (system.get(path).status, system.get(path).detail) == (400, "search-value")


@pytest.mark.usefixtures("observation")
def test_leniently_an_unknown_element_is_told_of(hub: Demo) -> None:
    reply = hub.as_("system").get("Observation?_id=subset&_elements=note,colour", Prefer="handling=lenient")
    match, told = reply.json["entry"]
    assert "valueQuantity" not in match["resource"]
    assert "number 2" in told["resource"]["issue"][0]["details"]["text"]
    assert hub.as_("system").get("Observation/subset?_elements=note,colour", Prefer="handling=lenient").status == 200


def test_elements_are_of_the_matches_and_a_summary_is_of_what_comes_along_too(hub: Demo) -> None:
    def parts(query: str) -> tuple[list[bool], list[bool]]:
        reply = hub.as_("gp").get(f"CareTeam?_id=network-ansje&_include=CareTeam:participant&{query}")
        entries = [(each["search"]["mode"], is_subset(each["resource"])) for each in reply.json["entry"]]
        return [part for mode, part in entries if mode == "match"], [part for mode, part in entries if mode == "include"]

    assert [set(each) for each in parts("_elements=name")] == [{True}, {False}]
    assert set(parts("_summary=true")[1]) == {True}
    assert set(parts("_elements=Practitioner.name")[0]) == {False}
    assert set(parts("_elements=Practitioner.name")[1]) == {True, False}


def test_pages_go_on_in_the_same_shape(hub: Demo) -> None:
    system = hub.as_("system")
    for path in ("Practitioner?_count=1&_elements=gender", "Practitioner/_history?_count=1&_elements=gender"):
        for number, page in enumerate(system.pages(path)):
            shown_here = [each["resource"] for each in page.json["entry"] if "resource" in each]  # a deletion has none
            assert all(is_subset(each) and "name" not in each for each in shown_here)
            if number == 2:
                break
        assert number == 2


@pytest.mark.usefixtures("observation")
def test_in_a_batch(hub: Demo) -> None:
    urls = ["Observation/subset?_elements=note", "Observation?_id=subset&_summary=true", "Observation/subset?_summary=x"]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    read, searched, refused = hub.as_("system").request("POST", "/fhir", bundle).json["entry"]
    assert is_subset(read["resource"])
    assert is_subset(searched["resource"]["entry"][0]["resource"])
    assert refused["response"]["status"].startswith("400")


def test_of_what_the_sources_hold(hub: Demo) -> None:
    gp = hub.as_("gp")
    search = f"MedicationDispense?patient={quote(hub.facts['patient'])}"
    whole, part = shown(gp.get(search)), shown(gp.get(f"{search}&_elements=status"))
    assert "medicationReference" in whole or "medicationCodeableConcept" in whole
    assert is_subset(part)
    assert len(json.dumps(part)) < len(json.dumps(whole))
    assert part["id"] == whole["id"]
    assert shown(gp.get(f"MedicationDispense/{part['id']}?_elements=status")).keys() == part.keys()
    assert gp.get(f"{search}&_elements=colour").status == 400


def test_a_part_never_takes_the_place_of_the_whole(hub: Demo, observation: Reply) -> None:
    system = hub.as_("system")
    part = system.get("Observation/subset?_elements=status").json
    refused = system.put(part)
    assert (refused.status, refused.detail) == (422, "part-of-resource")
    assert refused.json["issue"][0]["expression"] == ["Observation.meta.tag"]
    assert system.get("Observation/subset").headers["etag"] == observation.headers["etag"]
