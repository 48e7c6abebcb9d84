"""Every reference is found by who asks for referrers, whatever element it stands in, and costs a row of its own only if it must."""

from typing import Any

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.model.references import targets
from fhir_server.search.extract import extract
from fhir_server.search.links import referrers
from fhir_server.search.rows import key
from profiles.demo import network

TYPES = load().types
BASE = "https://hub.example/fhir"
LINK = key("\x1flink", "Practitioner/1")


def rows(resource: dict[str, Any]) -> list[int]:
    found = extract({"id": "x", "meta": {}, **resource}, TYPES[resource["resourceType"]], BASE)
    return [row.key for row in found.rows]


@pytest.mark.parametrize(
    ("resource", "own"),
    [
        ({"resourceType": "Communication", "sender": {"reference": "Practitioner/1"}}, False),
        ({"resourceType": "Communication", "sender": {"reference": "Practitioner/1/_history/7"}}, False),
        ({"resourceType": "Communication", "sender": {"reference": f"{BASE}/Practitioner/1"}}, False),
        ({"resourceType": "Communication", "about": [{"reference": "Practitioner/1"}]}, True),
        ({"resourceType": "Communication", "note": [{"authorReference": {"reference": "Practitioner/1"}}]}, True),
        ({"resourceType": "Patient", "generalPractitioner": [{"reference": "Practitioner/1#x"}]}, True),
        (
            {
                "resourceType": "Patient",
                "identifier": [{"system": "Practitioner/1", "value": "1", "assigner": {"reference": "Practitioner/1"}}],
            },
            True,
        ),
    ],
)
def test_a_reference_is_found_under_one_of_the_keys(resource: dict[str, Any], *, own: bool) -> None:
    found = rows(resource)
    assert set(found) & set(referrers(TYPES.values(), "Practitioner/1"))
    assert found.count(LINK) == own
    assert not set(found) & set(referrers(TYPES.values(), "Practitioner/2"))


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Communication", "sender": {"reference": "https://elsewhere.example/fhir/Practitioner/1"}},
        {"resourceType": "Communication", "sender": {"identifier": {"value": "Practitioner/1"}}},
        {"resourceType": "PlanDefinition", "library": ["Practitioner/1"]},
    ],
)
def test_what_does_not_refer_to_it_is_not_found(resource: dict[str, Any]) -> None:
    assert not set(rows(resource)) & set(referrers(TYPES.values(), "Practitioner/1"))


def test_no_reference_of_the_demo_dangles() -> None:
    resources = list(network())
    there = {f"{each['resourceType']}/{each['id']}" for each in resources}
    owned = [target for each in resources for target in targets(each, BASE) if TYPES[target.partition("/")[0]].home == "owned"]
    assert owned
    assert set(owned) <= there
