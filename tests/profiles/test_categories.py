"""The data category of each type, as it is published: what the catalogue has, no more and no less."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fhir_server.catalog.catalog import NATIONAL_CATEGORIES, OWN_CATEGORIES, Entry, load
from fhir_server.validation import validate
from profiles import categories
from profiles.conformance import conformance
from profiles.definitions import value_set_codes

Json = dict[str, Any]
TYPES = load().types
CODE_SYSTEMS = {OWN_CATEGORIES: "data-category", NATIONAL_CATEGORIES: "nl-gf-data-categories-cs"}


@pytest.fixture(scope="module")
def published() -> Json:
    found: Json = json.loads(conformance()["ConceptMap"][categories.ID])
    return found


def told(concept_map: Json, type_: str) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Return what the map has for a type: on what it depends (property, system, code; "" each for nothing), and the category."""
    found: dict[tuple[str, str, str], tuple[str, str]] = {}
    for group in concept_map["group"]:
        for target in (each for element in group["element"] if element["code"] == type_ for each in element["target"]):
            for on in target.get("dependsOn", [{}]):
                key = on.get("property", ""), on.get("system", ""), on.get("value", "")
                assert key not in found, f"{type_} has two categories"
                found[key] = group["target"], target["code"]
    return found


def expected(entry: Entry) -> Iterator[tuple[tuple[str, str, str], tuple[str, str]]]:
    for part, of in entry.of_parts:
        yield (entry.search[part.param].url, part.system, part.code), coding(of)
    if entry.category:
        yield ("", "", ""), coding(entry)


def coding(entry: Entry) -> tuple[str, str]:
    system, _, code = entry.category_coding.partition("|")
    return system, code


@pytest.mark.parametrize("type_", TYPES)
def test_each_type_has_the_category_of_the_catalogue(published: Json, type_: str) -> None:
    assert told(published, type_) == dict(expected(TYPES[type_]))


def test_the_scores_of_questionnaires_are_told_apart(published: Json) -> None:
    survey = (
        "http://hl7.org/fhir/SearchParameter/Observation-category",
        "http://terminology.hl7.org/CodeSystem/observation-category",
        "survey",
    )
    rest = (NATIONAL_CATEGORIES, "ObservationActivity")
    assert told(published, "Observation") == {survey: (OWN_CATEGORIES, "self-report"), ("", "", ""): rest}
    assert told(published, "Task") == {("", "", ""): (OWN_CATEGORIES, "message")}
    assert told(published, "Patient") == {}


def test_only_types_are_mapped_and_only_to_published_codes(published: Json) -> None:
    types = value_set_codes(published["sourceCanonical"])
    assert types is not None
    for group in published["group"]:
        system = json.loads(conformance()["CodeSystem"][CODE_SYSTEMS[group["target"]]])
        assert system["url"] == group["target"]
        assert {each["code"] for each in group["element"]} <= types[group["source"]] & TYPES.keys()
        used = {target["code"] for each in group["element"] for target in each["target"]}
        assert used <= {each["code"] for each in system["concept"]}


def test_it_is_valid_and_named_below_the_canonical_base(published: Json) -> None:
    assert validate(published) == []
    assert published["url"] == f"https://netwerkdossier.example/fhir/ConceptMap/{published['id']}"


@pytest.mark.parametrize(
    "table",
    [
        {"category": "no-such-category"},
        {"parts": [{"param": "no-such-parameter", "system": "urn:x", "code": "x", "category": "message"}]},
        {"parts": [{"param": "category", "system": "urn:x", "code": "x", "category": "no-such-category"}]},
    ],
)
def test_what_nobody_could_look_up_is_not_published(table: Mapping[str, Any]) -> None:
    with pytest.raises(KeyError, match="no-such"):
        categories.concept_map({"Observation": table})


def test_a_part_by_a_parameter_of_our_own() -> None:
    part = {"param": "sender-careteam", "system": "urn:x", "code": "x", "category": "incident"}
    made = categories.concept_map({"Communication": {"category": "message", "parts": [part]}})
    assert validate(made) == []
    ours = "https://netwerkdossier.example/fhir/SearchParameter/sender-careteam"
    assert told(made, "Communication") == {
        (ours, "urn:x", "x"): (OWN_CATEGORIES, "incident"),
        ("", "", ""): (OWN_CATEGORIES, "message"),
    }
