"""How references are written, what they point to, and what is contained."""

from collections.abc import Callable
from typing import Any

import pytest

Found = Callable[[Any], set[tuple[str, str]]]
AT = "Patient.managingOrganization"


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Organization/1"},
        {"reference": "Organization/1/_history/2"},
        {"reference": "https://x.nl/fhir/Organization/1"},
        {"reference": "https://x.nl/fhir/Organization/1/_history/3", "type": "Organization"},
        {"reference": "https://x.nl/other/thing"},
        {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": "Organization"},
        {"reference": "urn:oid:1.2.3"},
        {"reference": "Organization/1", "type": "http://hl7.org/fhir/StructureDefinition/Organization"},
        {"identifier": {"system": "http://x.nl", "value": "1"}, "type": "Organization"},
        {"identifier": {"value": "1"}, "type": "http://x.nl/StructureDefinition/own-model"},
        {"display": "Thuiszorg"},
        {"extension": [{"url": "http://x.nl/e", "valueCode": "a"}]},
    ],
)
def test_a_reference_that_may_stand_there(found: Found, reference: dict[str, Any]) -> None:
    assert found({"resourceType": "Patient", "managingOrganization": reference}) == set()


@pytest.mark.parametrize(
    ("reference", "detail", "expression"),
    [
        ({"reference": "Practitioner/1"}, "reference-target", f"{AT}.reference"),
        ({"reference": "https://x.nl/fhir/Practitioner/1"}, "reference-target", f"{AT}.reference"),
        ({"identifier": {"value": "1"}, "type": "Patient"}, "reference-target", f"{AT}.type"),
        ({"reference": "Organization/1", "type": "Patient"}, "reference-type", f"{AT}.type"),
        ({"display": "x", "type": "Nonsense"}, "unknown-type", f"{AT}.type"),
        ({"type": "Organization"}, "reference-empty", AT),
        ({"reference": "Nonsense/1"}, "reference-format", f"{AT}.reference"),
        ({"reference": "Organization"}, "reference-format", f"{AT}.reference"),
        ({"reference": "Organization/a_b"}, "reference-format", f"{AT}.reference"),
        ({"reference": "/Organization/1"}, "reference-format", f"{AT}.reference"),
        ({"reference": "organization/1"}, "reference-format", f"{AT}.reference"),
        ({"reference": "Organization/1/_history"}, "reference-format", f"{AT}.reference"),
        ({"reference": "Organization?name=x"}, "reference-conditional", f"{AT}.reference"),
        ({"reference": "urn:uuid:1"}, "reference-format", f"{AT}.reference"),
        ({"reference": "#a/b"}, "reference-format", f"{AT}.reference"),
        ({"reference": "#a"}, "reference-unresolved", f"{AT}.reference"),
        ({"reference": "#"}, "reference-target", f"{AT}.reference"),
        ({"reference": 5}, "wrong-type", f"{AT}.reference"),
    ],
)
def test_a_reference_that_may_not(found: Found, reference: dict[str, Any], detail: str, expression: str) -> None:
    assert (detail, expression) in found({"resourceType": "Patient", "managingOrganization": reference})


def test_conditional_references_only_in_a_transaction(found: Found) -> None:
    entry = {
        "resource": {"resourceType": "Patient", "managingOrganization": {"reference": "Organization?identifier=1"}},
        "request": {"method": "POST", "url": "Patient"},
    }
    assert found({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}) == set()
    at = "Bundle.entry[0].resource.managingOrganization.reference"
    del entry["request"]
    assert found({"resourceType": "Bundle", "type": "collection", "entry": [entry]}) == {("reference-conditional", at)}


def containing(*contained: object, reference: str = "#a") -> dict[str, Any]:
    return {"resourceType": "Patient", "contained": list(contained), "managingOrganization": {"reference": reference}}


ORGANIZATION = {"resourceType": "Organization", "id": "a", "name": "Thuiszorg"}


def test_a_contained_resource_is_referred_to(found: Found) -> None:
    assert found(containing(ORGANIZATION)) == set()
    assert found(containing(ORGANIZATION, reference="Organization/2")) == {("contained-unreferenced", "Patient.contained[0]")}


def test_a_contained_resource_may_refer_to_its_container_and_its_neighbour(found: Found) -> None:
    back = {"resourceType": "Provenance", "target": [{"reference": "#"}], "recorded": "2024-01-01T00:00:00Z"}
    agent = [{"who": {"reference": "#a"}}]
    assert found(containing(ORGANIZATION, {**back, "agent": agent})) == set()
    assert found(containing(ORGANIZATION, {**back, "agent": agent, "target": [{"reference": "Patient/1"}]})) == {
        ("contained-unreferenced", "Patient.contained[1]")
    }


def test_a_canonical_or_uri_may_refer_to_a_contained_resource(found: Found) -> None:
    questionnaire = {
        "resourceType": "Questionnaire",
        "status": "active",
        "contained": [{"resourceType": "ValueSet", "id": "v", "status": "active"}],
        "item": [{"linkId": "1", "type": "choice", "answerValueSet": "#v"}],
    }
    assert found(questionnaire) == set()
    questionnaire["item"][0]["answerValueSet"] = "#w"
    assert found(questionnaire) == {
        ("reference-unresolved", "Questionnaire.item[0].answerValueSet"),
        ("contained-unreferenced", "Questionnaire.contained[0]"),
    }


@pytest.mark.parametrize(
    ("contained", "detail", "expression"),
    [
        ({**ORGANIZATION, "contained": [{**ORGANIZATION, "id": "b"}]}, "contained-nested", "Patient.contained[0].contained"),
        ({**ORGANIZATION, "meta": {"versionId": "1"}}, "contained-meta", "Patient.contained[0].meta.versionId"),
        ({**ORGANIZATION, "meta": {"security": [{"code": "R"}]}}, "contained-meta", "Patient.contained[0].meta.security"),
        ({**ORGANIZATION, "resourceType": "Practitioner"}, "reference-target", "Patient.managingOrganization.reference"),
        ({**ORGANIZATION, "name": 5}, "wrong-type", "Patient.contained[0].name"),
        ({"resourceType": "Organization", "name": "x"}, "contained-unreferenced", "Patient.contained[0]"),
        ({"id": "a"}, "resource-type-missing", "Patient.contained[0]"),
        ({"resourceType": "Nonsense", "id": "a"}, "unknown-type", "Patient.contained[0]"),
        ({"resourceType": "DomainResource", "id": "a"}, "unknown-type", "Patient.contained[0]"),
        (None, "null", "Patient.contained[0]"),
        ("x", "wrong-type", "Patient.contained[0]"),
        ({**ORGANIZATION, "resourceType": ["x"]}, "wrong-type", "Patient.contained[0]"),
    ],
)
def test_faults_of_a_contained_resource(found: Found, contained: object, detail: str, expression: str) -> None:
    assert (detail, expression) in found(containing(contained))


def test_two_contained_resources_with_one_id(found: Found) -> None:
    assert found(containing(ORGANIZATION, ORGANIZATION)) == {("contained-duplicate", "Patient.contained[1].id")}


def test_each_entry_of_a_bundle_is_its_own_container(found: Found) -> None:
    entries = [{"resource": containing(ORGANIZATION)}, {"resource": {**containing(), "contained": [{**ORGANIZATION, "id": "b"}]}}]
    assert found({"resourceType": "Bundle", "type": "collection", "entry": entries}) == {
        ("reference-unresolved", "Bundle.entry[1].resource.managingOrganization.reference"),
        ("contained-unreferenced", "Bundle.entry[1].resource.contained[0]"),
    }


def test_a_transaction_inside_a_collection_changes_nothing_for_its_neighbours(found: Found) -> None:
    conditional = {"resourceType": "Patient", "managingOrganization": {"reference": "Organization?identifier=1"}}
    inner = {"resource": conditional, "request": {"method": "POST", "url": "Patient"}}
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [inner]}
    entries = [{"resource": transaction}, {"resource": conditional}]
    assert found({"resourceType": "Bundle", "type": "collection", "entry": entries}) == {
        ("reference-conditional", "Bundle.entry[1].resource.managingOrganization.reference")
    }
