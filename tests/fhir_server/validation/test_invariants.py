"""The invariants that are checked without FHIRPath."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.validation.invariants import INVARIANTS
from profiles.definitions import Constraint, type_definition

Found = Callable[[Any], set[tuple[str, str]]]


def defined(path: str) -> Iterator[Constraint]:
    """Yield the constraints that the definitions have at ``path``."""
    definition = type_definition(path.partition(".")[0])
    if "." not in path:
        yield from definition.constraints
    for element in definition.elements.get(path.rpartition(".")[0], ()):
        if element.path == path:
            yield from element.constraints


@pytest.mark.parametrize(("path", "key"), [(path, each.key) for path, found in INVARIANTS.items() for each in found])
def test_every_invariant_is_an_error_of_r4(path: str, key: str) -> None:
    assert (key, "error") in {(each.key, each.severity) for each in defined(path)}


VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
ORDER = {"system": "http://unitsofmeasure.org", "code": "mg"}
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("Range", "rng-2", {"low": {"value": 5, **ORDER}, "high": {"value": Decimal("4.5"), **ORDER}}),
    ("Ratio", "rat-1", {"numerator": {"value": 1}}),
    ("Ratio", "rat-1", {"id": "a"}),
    ("Duration", "drt-1", {"value": 1, "code": "min", "system": "http://x.nl"}),
    ("Attachment", "att-1", {"data": "YQ=="}),
    ("Expression", "exp-1", {"language": "text/fhirpath"}),
    ("Timing.repeat", "tim-1", {"duration": 1}),
    ("Timing.repeat", "tim-2", {"period": 1}),
    ("Timing.repeat", "tim-4", {"duration": -1, "durationUnit": "h"}),
    ("Timing.repeat", "tim-5", {"period": Decimal("-0.5"), "periodUnit": "h"}),
    ("Timing.repeat", "tim-6", {"periodMax": 1}),
    ("Timing.repeat", "tim-7", {"durationMax": 1}),
    ("Timing.repeat", "tim-8", {"countMax": 1}),
    ("Timing.repeat", "tim-9", {"offset": 30}),
    ("Timing.repeat", "tim-9", {"offset": 30, "when": ["C"]}),
    ("Timing.repeat", "tim-10", {"timeOfDay": ["08:00:00"], "when": ["MORN"]}),
    ("Organization", "org-1", {"active": True}),
    ("Organization.telecom", "org-3", {"use": "home"}),
    ("CareTeam.participant", "ctm-1", {"onBehalfOf": {"display": "x"}, "member": {"reference": "Patient/1"}}),
    ("Consent", "ppc-1", {"status": "active"}),
    ("AuditEvent.entity", "sev-1", {"name": "a", "query": "YQ=="}),
    ("CarePlan.activity", "cpl-3", {"detail": {"status": "scheduled"}, "reference": {"display": "x"}}),
    ("Appointment", "app-2", {"status": "proposed", "start": "2024-01-01T00:00:00Z"}),
    ("Appointment", "app-3", {"status": "booked"}),
    ("Appointment", "app-4", {"status": "booked", "cancelationReason": {"text": "x"}}),
    ("Appointment.participant", "app-1", {"status": "accepted"}),
    ("AppointmentResponse", "apr-1", {"participantStatus": "accepted"}),
    ("Goal.target", "gol-1", {"detailString": "x"}),
    ("Group", "grp-1", {"actual": False, "member": [{"entity": {"display": "x"}}]}),
    ("List", "lst-1", {"emptyReason": {"text": "x"}, "entry": [{"item": {"display": "x"}}]}),
    ("List", "lst-2", {"mode": "working", "entry": [{"deleted": True}]}),
    ("List", "lst-3", {"mode": "changes", "entry": [{"date": "2024"}]}),
    ("Composition.section", "cmp-1", {"title": "x"}),
    ("Composition.section", "cmp-2", {"emptyReason": {"text": "x"}, "entry": [{"display": "x"}]}),
    ("Parameters.parameter", "inv-1", {"name": "x"}),
    ("Parameters.parameter", "inv-1", {"name": "x", "valueString": "x", "part": [{"name": "y", "valueString": "z"}]}),
    ("QuestionnaireResponse.item", "qrs-1", {"answer": [{"valueString": "x"}], "item": [{"linkId": "2"}]}),
    ("Questionnaire.item", "que-3", {"type": "display", "code": [{"code": "x"}]}),
    ("Questionnaire.item", "que-8", {"type": "group", "initial": [{"valueString": "x"}]}),
    ("AllergyIntolerance", "ait-1", {"patient": {"display": "x"}}),
    (
        "AllergyIntolerance",
        "ait-2",
        {"clinicalStatus": {}, "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "entered-in-error"}]}},
    ),
    ("Condition", "con-4", {"abatementString": "x", "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]}}),
    ("Condition.stage", "con-1", {"type": {"text": "x"}}),
    ("Condition.evidence", "con-2", {"id": "x"}),
    ("FamilyMemberHistory", "fhs-1", {"ageString": "x", "bornString": "y"}),
    ("FamilyMemberHistory", "fhs-2", {"estimatedAge": True}),
    ("Immunization.education", "imm-1", {"publicationDate": "2024"}),
    ("MedicationAdministration.dosage", "mad-1", {"text": "x"}),
    ("MedicationDispense", "mdd-1", {"whenPrepared": "2024-01-02", "whenHandedOver": "2024-01-01T23:00:00Z"}),
    ("ServiceRequest", "prr-1", {"orderDetail": [{"text": "x"}]}),
    ("Bundle", "bdl-1", {"type": "collection", "total": 1}),
    ("Bundle", "bdl-2", {"type": "collection", "entry": [{"search": {"mode": "match"}}]}),
    ("Bundle", "bdl-3", {"type": "transaction", "entry": [{"resource": {}}]}),
    ("Bundle", "bdl-3", {"type": "collection", "entry": [{"request": {}}]}),
    ("Bundle", "bdl-4", {"type": "batch-response", "entry": [{"resource": {}}]}),
    ("Bundle", "bdl-7", {"type": "collection", "entry": [{"fullUrl": "http://x.nl/1"}, {"fullUrl": "http://x.nl/1"}]}),
    ("Bundle", "bdl-9", {"type": "document", "identifier": {"value": "1"}}),
    ("Bundle", "bdl-10", {"type": "document"}),
    ("Bundle", "bdl-11", {"type": "document", "entry": [{"resource": {"resourceType": "Patient"}}]}),
    ("Bundle", "bdl-12", {"type": "message"}),
    ("Bundle.entry", "bdl-5", {"fullUrl": "http://x.nl/1"}),
    ("Bundle.entry", "bdl-8", {"fullUrl": "http://x.nl/1/_history/2"}),
]


@pytest.mark.parametrize(("path", "key", "value"), BROKEN)
def test_a_value_that_breaks_an_invariant(path: str, key: str, value: dict[str, Any]) -> None:
    assert key in {each.key for each in INVARIANTS[path] if not each.holds(value)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Period", {"start": "2024-01-01", "end": "2024"}),
        ("Period", {"start": "2024-01-01T01:00:00+02:00", "end": "2023-12-31T23:30:00Z"}),
        ("Period", {"start": "2016-12-31T23:59:60Z", "end": "2017-01-01T00:00:00Z"}),
        ("Period", {"end": "2024"}),
        ("Range", {"low": {"value": 5, "unit": "g"}, "high": {"value": 4, "unit": "kg"}}),
        ("Ratio", {"extension": [{"url": "x", "valueCode": "y"}]}),
        ("Organization.telecom", {"use": "work"}),
        ("CareTeam.participant", {"onBehalfOf": {"display": "x"}, "member": {"reference": "Practitioner/1"}}),
        ("CareTeam.participant", {"onBehalfOf": {"display": "x"}, "member": {"reference": "urn:uuid:1"}}),
        ("CareTeam.participant", {"member": {"reference": "Patient/1"}}),
        ("Bundle", {"type": "transaction", "entry": [{"request": {}}, {"request": {}, "resource": {}}]}),
        ("Bundle", {"type": "history", "total": 2, "entry": [{"fullUrl": "u", "request": {}, "response": {}}] * 2}),
        ("Timing.repeat", {"offset": 30, "when": ["ACM"], "period": 1, "periodUnit": "d"}),
        ("Appointment", {"status": "waitlist"}),
    ],
)
def test_a_value_that_keeps_them_all(path: str, value: dict[str, Any]) -> None:
    assert [each.key for each in INVARIANTS[path] if not each.holds(value)] == []


def test_an_invariant_of_an_element_is_found_at_its_repetition(found: Found) -> None:
    organization = {"resourceType": "Organization", "name": "x", "address": [{"text": "x"}, {"text": "y", "use": "home"}]}
    assert found(organization) == {("org-2", "Organization.address[1]")}


def test_what_has_another_fault_is_not_judged_further(found: Found) -> None:
    assert found({"resourceType": "Patient", "contact": [{"gender": 5}]}) == {("wrong-type", "Patient.contact[0].gender")}
