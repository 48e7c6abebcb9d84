"""What a compartment is made of."""

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.errors import NotFound
from fhir_server.search.compartment import within
from fhir_server.search.tree import Id, Node, Or, ReferenceTo

TYPES = load().types


@pytest.mark.parametrize(
    ("type_", "reference", "expected"),
    [
        ("CareTeam", "Patient/1", Or((ReferenceTo("patient", "Patient/1"), ReferenceTo("participant", "Patient/1")))),
        ("CareTeam", "Practitioner/1", ReferenceTo("participant", "Practitioner/1")),
        ("Practitioner", "Practitioner/1", Id(("1",))),
        ("Patient", "Patient/1", Or((ReferenceTo("link", "Patient/1"), Id(("1",))))),
        ("Patient", "Practitioner/1", ReferenceTo("general-practitioner", "Practitioner/1")),
        ("MedicationDispense", "Patient/1", ReferenceTo("patient", "Patient/1")),
        ("Coverage", "Patient/1", ReferenceTo("patient", "Patient/1")),
    ],
)
def test_a_type_is_in_a_compartment_by_its_parameters(type_: str, reference: str, expected: Node) -> None:
    assert within(TYPES[type_], reference) == expected


@pytest.mark.parametrize(
    ("type_", "reference"), [("Organization", "Patient/1"), ("CareTeam", "Organization/1"), ("Medication", "Patient/1")]
)
def test_a_type_that_is_in_no_compartment_is_refused(type_: str, reference: str) -> None:
    with pytest.raises(NotFound, match="is in no compartment"):
        within(TYPES[type_], reference)
