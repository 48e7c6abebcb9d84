"""What has no label of its own gets one from a table, by its category and its code."""

from typing import Any

import pytest

from fhir_server.access.labelling import LabelsError, labels, read
from fhir_server.catalog.catalog import load
from fhir_server.model.shape import shape_of
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
    assert labels().of(TYPES[type_], extract(resource, TYPES[type_]).rows, resource) == label


def test_a_category_that_is_not_in_the_table_has_no_known_label() -> None:
    found = read(TABLE)
    assert (found.of_type(TYPES["Condition"]), found.of_type(TYPES["Task"])) == ("N", "")


@pytest.mark.parametrize(
    "text", [TABLE.replace('"N"', '"X"'), TABLE.replace('label = "R"', ""), TABLE.replace("[coded]", "[coded"), "categories = 1"]
)
def test_a_table_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LabelsError, match=r"labels\.toml"):
        read(text)


ICPC, ICD = "http://hl7.org/fhir/sid/icpc-1-nl", "http://hl7.org/fhir/sid/icd-10-nl"


@pytest.mark.parametrize(
    ("system", "code", "label"),
    [
        (ICPC, "P", "R"),
        (ICPC, "P15.06", "R"),
        (ICPC, "p76", "R"),
        (ICPC, "B90", "R"),
        (ICPC, "B90.01", "R"),
        (ICPC, "B9", "N"),
        (ICPC, "B89", "N"),
        (ICPC, "X71", "R"),
        (ICPC, "X72", "N"),
        (ICPC, "X73.02", "R"),
        (ICPC, "T90.02", "N"),
        (ICPC, "F32.1", "N"),  # an eye, not a depression
        (ICD, "F32.1", "R"),
        (ICD, "F99", "R"),
        (ICD, "F", "N"),  # no code
        (ICD, "G30.1", "N"),
        (ICD, "P15", "N"),
        (ICD, "Z11.4", "R"),
        (ICD, "Z11", "N"),
        (ICD, "Z11.3", "N"),
        (ICD, "Z114", "R"),
        (ICD, "Z61.5", "R"),
        (ICD, "Z61.7", "N"),
        (ICD, "X99.9", "R"),
        (ICD, "Y07.0", "R"),
        (ICD, "Y10", "N"),
        ("http://hl7.org/fhir/sid/icd-10", "B24", "R"),
        ("http://example.org/other", "F32", "N"),
        ("", "F32", "N"),
    ],
)
def test_the_codes_of_a_classification(system: str, code: str, label: str) -> None:
    concept = {"coding": [{"system": "urn:first", "code": "x"}, {"system": system, "code": code}]}
    for type_, element, many in (("Condition", "code", False), ("MedicationRequest", "reasonCode", True)):
        resource: Any = {"resourceType": type_, "id": "a", element: [{"text": "y"}, concept] if many else concept}
        assert labels().of(TYPES[type_], (), resource) == label


def test_only_what_is_never_stored_is_looked_through_by_ranges() -> None:
    """The store knows whole codes: it would come to another label."""
    for type_, elements in labels().classified.elements.items():
        assert TYPES[type_].home == "federated", type_
        shape = shape_of(type_, type_)
        assert {shape.members[each].type for each in elements} == {"CodeableConcept"}


@pytest.mark.parametrize("wrong", ["", "-", "F00-", "F99-F00", "F00-Z61.4", "f00", "F00 - F99", "F00-F99-G00", "1", "F0000", "*"])
def test_a_range_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(LabelsError, match=r"labels\.toml"):
        read(f'{TABLE}\n[classified.systems]\n"urn:x" = ["{wrong}"]')


@pytest.mark.parametrize("value", [None, 1, "F32", [], [None], [{"coding": None}], {"coding": [None, {"system": 1, "code": 2}]}])
def test_what_sources_send_instead_of_codes_has_none(value: Any) -> None:
    assert labels().of(TYPES["Condition"], (), {"resourceType": "Condition", "code": value}) == "N"
