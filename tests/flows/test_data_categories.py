"""Which data has which category can be looked up over HTTP: the code systems, and the map from types to their codes."""

import pytest
from flows.client import Client, Demo

from profiles.categories import concept_map

OWN = "https://netwerkdossier.example/fhir"
CATEGORIES, NATIONAL = "CodeSystem/data-category", "CodeSystem/nl-gf-data-categories-cs"
MAP = "ConceptMap/resource-type-to-data-category"


@pytest.mark.parametrize("person", ["client", "daughter", "gp", "outsider", "system"])
def test_everybody_reads_the_map_and_what_it_maps_to(hub: Demo, person: str) -> None:
    reader = hub.as_(person)
    assert reader.get(MAP).json == concept_map()
    own = reader.get(CATEGORIES)
    assert (own.status, own.json["url"]) == (200, f"{OWN}/{CATEGORIES}")
    codes = {each["code"] for each in own.json["concept"]}
    assert codes == {"message", "appointment", "self-report", "social-support", "incident"}
    assert {group["target"] for group in reader.get(MAP).json["group"]} == {
        own.json["url"],
        reader.get(NATIONAL).json["url"],
    }


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (f"url={OWN}/{MAP}", True),
        (f"url:below={OWN}", True),
        ("source-code=Observation&target-code=self-report", True),
        ("source-code=http://hl7.org/fhir/resource-types|Observation", True),
        (f"target-system={OWN}/{CATEGORIES}", True),
        ("dependson=http://hl7.org/fhir/SearchParameter/Observation-category", True),
        ("source=http://hl7.org/fhir/ValueSet/resource-types", True),
        ("source-code=Patient", False),
        ("target-code=no-such-category", False),
        ("status=draft", False),
    ],
)
def test_it_is_found_by_what_it_says(hub: Demo, criteria: str, *, found: bool) -> None:
    reply = hub.as_("gp").get(f"ConceptMap?{criteria}")
    assert (reply.status, reply.ids()) == (200, [MAP] if found else [])
    assert reply.json["total"] == len(reply.ids())


def test_the_code_system_is_found(hub: Demo) -> None:
    assert hub.as_("client").get(f"CodeSystem?url={OWN}/{CATEGORIES}&code=self-report").ids() == [CATEGORIES]


def test_it_is_declared_and_nobody_writes_it(hub: Demo) -> None:
    declared = {each["type"]: each for each in Client(hub.port).get("metadata").json["rest"][0]["resource"]}
    assert {each["code"] for each in declared["ConceptMap"]["interaction"]} == {"read", "search-type"}
    system = hub.as_("system")
    assert system.put(concept_map()).status == 405
    assert system.request("DELETE", MAP).status == 405
    assert system.get("ConceptMap/none").status == 404
    assert b'<code value="Observation"/>' in system.get(MAP, Accept="application/fhir+xml").body
    assert Client(hub.port).get(MAP).status == 401
