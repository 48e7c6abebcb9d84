"""The wrong-patient guard."""

from collections.abc import Sequence

import pytest
from fake_sources import BSN, CLIENT, at_once, declared

from adapters.contract import Resource, Translation
from fhir_server.federation.answer import SourceAnswer, SourceFault
from fhir_server.federation.guard import guard

OURS: Resource = {"resourceType": "Patient", "id": "p", "identifier": [{"system": BSN, "value": "999990019"}]}
OTHER: Resource = {"resourceType": "Patient", "id": "q", "identifier": [{"system": BSN, "value": "999990020"}]}


def guarded(*resources: Resource, about: Sequence[tuple[str, str]] = CLIENT) -> str | list[object]:
    """Return the ids of what the guard leaves of the resources, or the fault it makes of them."""
    answer = at_once(guard(SourceAnswer(declared(), "7f3c.1", Translation(resources, about)), CLIENT))
    return answer.fault if isinstance(answer, SourceFault) else [each["id"] for each in answer.translation.resources]


def dispense(subject: object, **more: object) -> Resource:
    return {"resourceType": "MedicationDispense", "id": "d", "subject": subject, **more}


def test_what_is_about_the_patient_stays() -> None:
    medication: Resource = {"resourceType": "Medication", "id": "m"}
    assert guarded(OURS, medication, dispense({"reference": "Patient/p"})) == ["p", "m", "d"]


def test_a_subject_by_identifier_will_do() -> None:
    assert guarded(dispense({"identifier": {"system": BSN, "value": "999990019"}})) == ["d"]


def test_a_fault_stays_a_fault() -> None:
    fault = SourceFault(declared(), "timeout")
    assert at_once(guard(fault, CLIENT)) is fault


def test_nothing_about_nobody_is_no_fault() -> None:
    assert guarded(about=()) == []


@pytest.mark.parametrize(
    "about",
    [
        [(BSN, "999990020")],
        [(BSN, "999990019"), (BSN, "999990020")],
        [("urn:oid:1.2.3", "999990019")],
        [],
    ],
)
def test_an_answer_about_anybody_else_is_dropped_whole(about: Sequence[tuple[str, str]]) -> None:
    assert guarded(OURS, dispense({"reference": "Patient/p"}), about=about) == "wrong-patient"


def test_an_identifier_of_the_source_beside_the_asked_one_is_no_contradiction() -> None:
    assert guarded(OURS, about=[*CLIENT, ("urn:oid:1.2.3", "17")]) == ["p"]


def test_a_second_patient_in_the_answer_drops_it_whole() -> None:
    assert guarded(OURS, OTHER, dispense({"reference": "Patient/p"})) == "wrong-patient"


def test_a_patient_without_identifier_drops_it_whole() -> None:
    assert guarded({"resourceType": "Patient", "id": "p"}, dispense({"reference": "Patient/p"})) == "wrong-patient"


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/q"},
        {"reference": "Group/p"},
        {"reference": "https://elsewhere.example/fhir/Patient/p"},
        {"reference": "Patient?identifier=999990019"},
        {"reference": "#p"},
        {"identifier": {"system": BSN, "value": "999990020"}},
        {"identifier": {"value": "999990019"}},
        {"display": "Ansje Veenstra"},
    ],
)
def test_a_resource_whose_subject_is_not_the_patient_is_left_out(subject: dict[str, str]) -> None:
    assert guarded(OURS, dispense(subject)) == ["p"]


def test_a_clinical_resource_without_subject_is_left_out() -> None:
    assert guarded(OURS, {"resourceType": "MedicationDispense", "id": "d"}) == ["p"]


def test_another_patient_anywhere_in_a_resource_leaves_it_out() -> None:
    receiver = [{"reference": "Patient/q"}]
    assert guarded(OURS, dispense({"reference": "Patient/p"}, receiver=receiver)) == ["p"]
    by_type = [{"type": "Patient", "identifier": {"system": BSN, "value": "999990020"}}]
    assert guarded(OURS, dispense({"reference": "Patient/p"}, receiver=by_type)) == ["p"]


def test_a_contained_patient_leaves_the_resource_out() -> None:
    assert guarded(OURS, dispense({"reference": "Patient/p"}, contained=[OTHER])) == ["p"]


def appointment(*actors: str) -> Resource:
    return {"resourceType": "Appointment", "id": "a", "participant": [{"actor": {"reference": each}} for each in actors]}


@pytest.mark.parametrize(
    ("actors", "left"),
    [
        (["Patient/p", "Practitioner/x"], ["p", "a"]),
        (["Practitioner/x"], ["p"]),
        ([], ["p"]),
        (["Patient/p", "Patient/q"], ["p"]),
    ],
)
def test_an_appointment_is_about_the_patient_who_takes_part(actors: Sequence[str], left: list[object]) -> None:
    assert guarded(OURS, appointment(*actors)) == left
