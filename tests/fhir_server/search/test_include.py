"""What _include follows."""

from typing import Any

import pytest

from fhir_server.catalog.catalog import Catalog
from fhir_server.search.include import targets
from fhir_server.search.search import Include

BASE = "https://hub.example/fhir"
TEAM: dict[str, Any] = {
    "resourceType": "CareTeam",
    "id": "n1",
    "subject": {"reference": "Patient/p1"},
    "participant": [
        {"member": {"reference": "Practitioner/d1"}},
        {"member": {"reference": "RelatedPerson/r1/_history/2"}},
        {"member": {"reference": f"{BASE}/Practitioner/d2"}},
        {"member": {"reference": "Practitioner/d1"}},
        {"member": {"reference": "https://elsewhere.example/fhir/Practitioner/d3"}},
        {"member": {"reference": "#inside"}},
        {"member": {"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}},
        {"member": {"reference": "Library/b1"}},
        {"member": {"identifier": {"value": "7"}}},
        {"member": {"reference": "CareTeam/n1"}},
    ],
    "managingOrganization": [{"reference": "Organization/o1"}],
}
TASK: dict[str, Any] = {
    "resourceType": "Task",
    "id": "t1",
    "for": {"reference": "Patient/p1"},
    "owner": {"reference": "Practitioner/d2"},
}


@pytest.mark.parametrize(
    ("includes", "expected"),
    [
        ([], []),
        ([Include("CareTeam", "participant")], ["Practitioner/d1", "RelatedPerson/r1", "Practitioner/d2"]),
        ([Include("CareTeam", "participant", "Practitioner")], ["Practitioner/d1", "Practitioner/d2"]),
        ([Include("CareTeam", "participant", "Organization")], []),
        ([Include("CareTeam", "patient"), Include("CareTeam", "subject")], ["Patient/p1"]),
        ([Include("Task", "owner")], ["Practitioner/d2"]),
        ([Include("Task", "owner"), Include("CareTeam", "managing-organization")], ["Organization/o1", "Practitioner/d2"]),
        ([Include("CareTeam", "*", "Patient")], ["Patient/p1"]),
    ],
)
def test_references_are_followed_once_and_in_order(catalog: Catalog, includes: list[Include], expected: list[str]) -> None:
    assert targets([TEAM, TASK], includes, catalog, BASE) == expected


def test_a_star_follows_all_that_the_type_may_include(catalog: Catalog) -> None:
    found = targets([TEAM], [Include("CareTeam", "*")], catalog, BASE)
    assert set(found) == {"Organization/o1", "Practitioner/d1", "RelatedPerson/r1", "Practitioner/d2", "Patient/p1"}


def test_what_is_on_the_page_is_not_fetched_again(catalog: Catalog) -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    assert targets([TASK, patient], [Include("Task", "patient")], catalog) == []


def test_a_type_outside_the_catalogue_includes_nothing(catalog: Catalog) -> None:
    assert targets([{"resourceType": "Basic", "id": "b"}], [Include("Basic", "subject")], catalog) == []
