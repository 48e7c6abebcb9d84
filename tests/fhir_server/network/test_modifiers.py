"""What changes the meaning of a resource in a way that the server does not know."""

from typing import Any

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.network.consent_names import CATEGORY
from fhir_server.network.modifiers import check, check_bundle, faults

UNKNOWN = [{"url": "https://x.example/not", "valueBoolean": True}]
NETWORK = {"coding": [{"system": CATEGORY[0], "code": CATEGORY[1]}]}


def found(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.detail, each.expression) for each in faults(resource)]


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ({"resourceType": "CareTeam", "modifierExtension": UNKNOWN}, "CareTeam.modifierExtension[0]"),
        (
            {"resourceType": "CareTeam", "participant": [{}, {"modifierExtension": UNKNOWN}]},
            "CareTeam.participant[1].modifierExtension[0]",
        ),
        (
            {"resourceType": "Consent", "category": [NETWORK], "provision": {"actor": [{"modifierExtension": UNKNOWN}]}},
            "Consent.provision.actor[0].modifierExtension[0]",
        ),
        (
            {"resourceType": "Consent", "category": [NETWORK], "verification": [{"modifierExtension": UNKNOWN}]},
            "Consent.verification[0].modifierExtension[0]",
        ),
        (
            {"resourceType": "Task", "contained": [{"resourceType": "Patient", "modifierExtension": UNKNOWN}]},
            "Task.contained[0].modifierExtension[0]",
        ),
    ],
)
def test_a_modifier_extension_where_the_server_decides(resource: dict[str, Any], place: str) -> None:
    assert found(resource) == [("unknown-modifier", place)]


def test_what_the_server_only_keeps_may_have_modifier_extensions() -> None:
    assert found({"resourceType": "DocumentReference", "modifierExtension": UNKNOWN}) == []
    assert found({"resourceType": "Consent", "category": [{"text": "treatment directive"}], "modifierExtension": UNKNOWN}) == []


@pytest.mark.parametrize("name", ["implicitRules", "_implicitRules"])
def test_no_resource_has_rules_of_its_own(name: str) -> None:
    rules = {name: "https://x.example/rules" if name == "implicitRules" else {"id": "x"}}
    assert found({"resourceType": "DocumentReference", **rules}) == [("unknown-implicit-rules", "DocumentReference.implicitRules")]
    inside = {"resourceType": "Basic", "contained": [{"resourceType": "Basic", **rules}]}
    assert found(inside) == [("unknown-implicit-rules", "Basic.contained[0].implicitRules")]
    with pytest.raises(Unprocessable):
        check(inside)


@pytest.mark.parametrize(
    ("bundle", "places"),
    [
        ({"implicitRules": "x"}, ["Bundle.implicitRules"]),
        ({"entry": [{}, {"modifierExtension": UNKNOWN}]}, ["Bundle.entry[1].modifierExtension"]),
        ({"entry": [{"request": {"modifierExtension": UNKNOWN}}]}, ["Bundle.entry[0].request.modifierExtension"]),
    ],
)
def test_a_bundle_does_what_it_says_and_nothing_else(bundle: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_bundle(bundle)
    assert [each.expression for each in refused.value.issues] == places


@pytest.mark.parametrize("entry", [[], "x", [{"resource": {"modifierExtension": UNKNOWN}}, "x", {"request": "x"}]])
def test_what_is_wrong_with_an_entry_or_in_its_resource_is_told_elsewhere(entry: object) -> None:
    check_bundle({"entry": entry})
