"""What has no label of its own gets one from a table, by its category and its code."""

from typing import Any

import pytest

from fhir_server.access.labelling import LabelsError, labels, read
from fhir_server.catalog.catalog import load
from fhir_server.search.extract import extract

TYPES = load().types
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
TABLE = """
categories = {Condition = "N", incident = "R"}
[coded]
label = "R"
parameters = {Condition = "code"}
systems = {"http://snomed.info/sct" = ["1"]}
"""


def test_every_category_of_the_catalogue_is_in_the_table() -> None:
    assert {each.category for each in TYPES.values()} <= labels().categories.keys()


def test_the_codes_are_found_where_the_index_has_them() -> None:
    for type_, coded in labels().coded.items():
        assert TYPES[type_].search[coded.param].type == "token", type_


@pytest.mark.parametrize(
    ("type_", "element", "system", "code", "label"),
    [
        ("Condition", "code", SNOMED, "86406008", "R"),
        ("Condition", "code", SNOMED, "38341003", "N"),
        ("Condition", "category", SNOMED, "86406008", "N"),
        ("Observation", "code", LOINC, "75622-1", "R"),
        ("Observation", "code", "urn:own", "75622-1", "N"),
        ("DocumentReference", "type", SNOMED, "74732009", "R"),
        ("Communication", "category", SNOMED, "86406008", "N"),
    ],
)
def test_the_label_of_a_resource(type_: str, element: str, system: str, code: str, label: str) -> None:
    concept: Any = {"coding": [{"system": "urn:first", "code": "x"}, {"system": system, "code": code}]}
    many = element == "category"
    resource = {"resourceType": type_, "id": "a", element: [concept] if many else concept}
    assert labels().of(TYPES[type_], extract(resource, TYPES[type_]).rows) == label


def test_a_category_that_is_not_in_the_table_has_no_known_label() -> None:
    found = read(TABLE)
    assert (found.of_type(TYPES["Condition"]), found.of_type(TYPES["Task"])) == ("N", "")


@pytest.mark.parametrize(
    "text", [TABLE.replace('"N"', '"X"'), TABLE.replace('label = "R"', ""), TABLE.replace("[coded]", "[coded"), "categories = 1"]
)
def test_a_table_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LabelsError, match=r"labels\.toml"):
        read(text)
