"""Whole resources: what is raised, how much is reported, and resources inside resources."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.validation import check, validate

Found = Callable[[Any], set[tuple[str, str]]]


def nested(levels: int) -> dict[str, Any]:
    extension: dict[str, Any] = {"url": "http://x.nl", "valueCode": "a"}
    for _ in range(levels):
        extension = {"url": "http://x.nl", "extension": [extension]}
    return {"resourceType": "Basic", "code": {"text": "x"}, "extension": [extension]}


def test_a_valid_resource_passes(patient: dict[str, Any]) -> None:
    check(patient)
    check(MappingProxyType(patient))
    assert validate(patient) == []


def test_an_invalid_resource_raises_all_its_issues() -> None:
    with pytest.raises(Unprocessable) as raised:
        check({"resourceType": "Patient", "active": "x", "name": 1})
    assert [issue.expression for issue in raised.value.issues] == ["Patient.active", "Patient.name"]
    assert raised.value.status == 422


def test_at_most_fifty_issues_and_how_many_more() -> None:
    issues = validate({"resourceType": "Patient", "name": [{"family": ""}] * 70})
    assert len(issues) == 51
    assert (issues[-1].severity, issues[-1].detail) == ("information", "more-issues")
    assert "20 more" in issues[-1].text


def test_issues_never_show_a_value() -> None:
    secret = {
        "birthDate": "GEHEIM",
        "gender": "GEHEIM",
        "name": "GEHEIM",
        "managingOrganization": {"reference": "GEHEIM"},
        "id": "GEHEIM_",
    }
    issues = validate({"resourceType": "Patient", **secret, "GEHEIM GEHEIM": 1, "contained": [{"resourceType": "GEHEIM"}]})
    assert len(issues) == 8
    assert "GEHEIM" not in str(issues)


@pytest.mark.parametrize(
    ("resource", "detail", "expression"),
    [
        ({}, "resource-type-missing", "Resource"),
        ({"resourceType": "Nonsense"}, "unknown-type", "Resource"),
        ({"resourceType": "Resource"}, "unknown-type", "Resource"),
        ({"resourceType": "HumanName"}, "unknown-type", "Resource"),
        ({"resourceType": 5}, "wrong-type", "Resource"),
        ({"resourceType": ["Patient"]}, "wrong-type", "Resource"),
        ([], "wrong-type", "Resource"),
        (None, "null", "Resource"),
    ],
)
def test_what_is_no_resource(found: Found, resource: Any, detail: str, expression: str) -> None:
    assert found(resource) == {(detail, expression)}


def test_resources_in_bundles_and_parameters(found: Found) -> None:
    inner = {"resourceType": "Patient", "active": "x"}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "resource": inner}]}]}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": parameters}]}
    assert found(bundle) == {("wrong-type", "Bundle.entry[0].resource.parameter[0].part[0].resource.active")}


def test_elements_that_contain_themselves(found: Found) -> None:
    item: dict[str, Any] = {"linkId": "3", "type": "wrong"}
    for number in "21":
        item = {"linkId": number, "type": "group", "item": [item]}
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "item": [item]}
    assert found(questionnaire) == {("not-in-value-set", "Questionnaire.item[0].item[0].item[0].type")}


def test_depth_is_limited(found: Found) -> None:
    assert found(nested(50)) == set()
    assert {detail for detail, _ in found(nested(3000))} == {"too-deep"}
