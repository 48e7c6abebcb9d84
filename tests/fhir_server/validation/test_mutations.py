"""One fault in a valid resource: found, under its name, at its place."""

from collections.abc import Callable
from typing import Any

import pytest

from profiles.definitions import resource_types, type_definition

Found = Callable[[Any], set[tuple[str, str]]]
REMOVE = object()


def changed(resource: Any, path: str, value: object) -> Any:
    """Put ``value`` at ``path`` ("name.0.given"), or take away what is there."""
    *way, last = path.split(".")
    at = resource
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    if value is REMOVE:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return resource


PATIENT = [
    # the mutations of the measured table
    ("colour", "blue", "unknown-element", "Patient.colour"),
    ("name.0.nick", "Tr", "unknown-element", "Patient.name[0].nick"),
    ("name", {"family": "V"}, "wrong-type", "Patient.name"),
    ("name.0.given", "Truus", "wrong-type", "Patient.name[0].given"),
    ("name.0.family", "", "empty", "Patient.name[0].family"),
    ("name.0.family", " \n", "bad-format", "Patient.name[0].family"),
    ("birthDate", "1940-13-01", "bad-format", "Patient.birthDate"),
    ("birthDate", "2023-02-29", "bad-format", "Patient.birthDate"),
    ("birthDate", "1940-02-30", "bad-format", "Patient.birthDate"),
    ("deceasedDateTime", "2020", "choice-twice", "Patient.deceased"),
    ("deceasedString", "no", "choice-type", "Patient.deceased"),
    ("gender", ["female"], "wrong-type", "Patient.gender"),
    ("maritalStatus", [{"text": "x"}], "wrong-type", "Patient.maritalStatus"),
    ("id", "no_underscore", "bad-format", "Patient.id"),
    ("id", "a" * 65, "bad-format", "Patient.id"),
    ("gender", "vrouw", "not-in-value-set", "Patient.gender"),
    ("active", "true", "wrong-type", "Patient.active"),
    ("active", 1, "wrong-type", "Patient.active"),
    ("active", None, "null", "Patient.active"),
    ("maritalStatus", None, "null", "Patient.maritalStatus"),
    ("name.0", None, "null", "Patient.name[0]"),
    ("name", [], "empty", "Patient.name"),
    ("name.0.given", [], "empty", "Patient.name[0].given"),
    ("maritalStatus", {}, "empty", "Patient.maritalStatus"),
    ("name.0", {}, "empty", "Patient.name[0]"),
    ("maritalStatus", {"id": "only"}, "empty", "Patient.maritalStatus"),
    ("contact.0", {"gender": "male"}, "pat-1", "Patient.contact[0]"),
    ("managingOrganization", {"reference": "Patient/2"}, "reference-target", "Patient.managingOrganization.reference"),
    ("generalPractitioner.0", {"reference": "Practitioner/"}, "reference-format", "Patient.generalPractitioner[0].reference"),
    # what a model library lets through
    ("telecom.0.rank", "3", "wrong-type", "Patient.telecom[0].rank"),
    ("telecom.0.rank", 3.0, "bad-format", "Patient.telecom[0].rank"),
    ("telecom.0.rank", 0, "bad-format", "Patient.telecom[0].rank"),
    ("telecom.0.rank", True, "wrong-type", "Patient.telecom[0].rank"),
    ("deceasedBoolean", 1700000000, "wrong-type", "Patient.deceased"),
    ("birthDate", 1700000000, "wrong-type", "Patient.birthDate"),
    ("photo", [{"contentType": "image/png", "data": "%%%"}], "bad-format", "Patient.photo[0].data"),
    ("photo", [{"contentType": "image/png", "data": "YWI"}], "bad-format", "Patient.photo[0].data"),
    ("name.0.family", "x" * (1024 * 1024 + 1), "bad-format", "Patient.name[0].family"),
    ("text.div", '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>', "bad-format", "Patient.text.div"),
    ("text.div", '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</div>', "bad-format", "Patient.text.div"),
    ("text.div", "plain", "bad-format", "Patient.text.div"),
    ("fhir_comments", ["x"], "unknown-element", "Patient.fhir_comments"),
    ("resource_type", "Patient", "unknown-element", "Patient.resource_type"),
    # required elements and further rules
    ("communication.0.language", REMOVE, "cardinality-min", "Patient.communication[0].language"),
    ("text.status", REMOVE, "cardinality-min", "Patient.text.status"),
    ("text.div", REMOVE, "cardinality-min", "Patient.text.div"),
    ("extension.0.url", REMOVE, "cardinality-min", "Patient.extension[0].url"),
    ("extension.0.valueReference", REMOVE, "ext-1", "Patient.extension[0]"),
    ("extension.0.extension", [{"url": "x", "valueCode": "y"}], "ext-1", "Patient.extension[0]"),
    ("extension.0.valueString", "x", "choice-twice", "Patient.extension[0].value"),
    ("extension.0.valueReference", {"reference": "#no"}, "reference-unresolved", "Patient.extension[0].value.reference"),
    ("identifier.0.period", {"start": "2021", "end": "2020-12"}, "per-1", "Patient.identifier[0].period"),
    ("telecom.0.system", REMOVE, "cpt-2", "Patient.telecom[0]"),
    ("identifier.0.system", "with blank", "bad-format", "Patient.identifier[0].system"),
    ("contact.0.gender", "vrouw", "not-in-value-set", "Patient.contact[0].gender"),
    ("gender", "a  b", "bad-format", "Patient.gender"),
]


@pytest.mark.parametrize(("path", "value", "detail", "expression"), PATIENT)
def test_a_fault_in_a_patient(
    found: Found, patient: dict[str, Any], path: str, value: object, detail: str, expression: str
) -> None:
    assert found(changed(patient, path, value)) == {(detail, expression)}


OBSERVATION = [
    ("status", REMOVE, "cardinality-min", "Observation.status"),
    ("code", REMOVE, "cardinality-min", "Observation.code"),
    ("valueString", "zwaar", "choice-twice", "Observation.value"),
    ("valueQuantity.value", "71.50", "wrong-type", "Observation.value.value"),
    ("valueQuantity", 71, "wrong-type", "Observation.value"),
    ("valueQuantity.system", REMOVE, "qty-3", "Observation.value"),
    ("effectiveDateTime", "2024-05-06T07:08:09", "bad-format", "Observation.effective"),
    ("effectiveDateTime", "2024-02-30T07:08:09Z", "bad-format", "Observation.effective"),
    ("effectiveDateTime", 1714972089, "wrong-type", "Observation.effective"),
    ("dataAbsentReason", {"text": "onbekend"}, "obs-6", "Observation"),
    ("referenceRange", [{"appliesTo": [{"text": "x"}]}], "obs-3", "Observation.referenceRange[0]"),
    ("subject", {"reference": "Practitioner/1"}, "reference-target", "Observation.subject.reference"),
]


@pytest.mark.parametrize(("path", "value", "detail", "expression"), OBSERVATION)
def test_a_fault_in_an_observation(
    found: Found, observation: dict[str, Any], path: str, value: object, detail: str, expression: str
) -> None:
    assert found(changed(observation, path, value)) == {(detail, expression)}


def test_a_required_code_outside_its_list(found: Found, task: dict[str, Any]) -> None:
    assert found({**task, "status": "done"}) == {("not-in-value-set", "Task.status")}


def test_a_name_that_is_no_name_is_not_repeated(found: Found, patient: dict[str, Any]) -> None:
    assert found({**patient, "Truus Verzonnen": 1}) == {("unknown-element", "Patient")}
    assert found({**patient, 5: 1}) == {("unknown-element", "Patient")}


def test_a_required_choice_made_twice(found: Found) -> None:
    payload = {"contentString": "x", "contentReference": {"display": "y"}}
    communication = {"resourceType": "Communication", "status": "completed", "payload": [payload]}
    assert found(communication) == {("choice-twice", "Communication.payload[0].content")}


def test_a_choice_made_twice_beside_a_missing_element(found: Found) -> None:
    extension = {"valueString": "x", "valueCode": "y"}
    assert found({"resourceType": "Patient", "extension": [extension]}) == {
        ("cardinality-min", "Patient.extension[0].url"),
        ("choice-twice", "Patient.extension[0].value"),
    }


def test_the_definitions_have_no_cardinality_that_needs_a_count() -> None:
    structures = [type_definition(name).elements for name in resource_types() | {"Timing", "Dosage", "ElementDefinition"}]
    elements = [each for found in structures for children in found.values() for each in children]
    assert {(each.min, each.max) for each in elements} <= {(0, 0), (0, 1), (1, 1), (0, None), (1, None)}
