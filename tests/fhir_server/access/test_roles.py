"""The role matrix: its content, cell by cell, and what a broken file says."""

import pytest

from fhir_server.access.actor import ROLES
from fhir_server.access.roles import Roles, RolesError, load_roles
from fhir_server.catalog import catalog

TYPES = catalog.load().types
PERSONS = ("practitioner", "related-person", "patient")
READ = {
    "Patient",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "HealthcareService",
    "Device",
    "CareTeam",
    "Task",
    "Consent",
    "Provenance",
    "Questionnaire",
    "Observation",
    "DocumentReference",
}
COLLECTED = {
    "Patient",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "CareTeam",
    "CommunicationRequest",
    "Communication",
}
MESSAGES = {"AuditEvent"}
UPDATED = {"CommunicationRequest", "Communication", "Subscription", "Appointment", "QuestionnaireResponse"}


def wanted(role: str, type_: str) -> str:
    if role == "system":
        return "cruds"
    if role in {"patient", "related-person"} and type_ == "Consent":
        return "crus"
    if role in PERSONS and type_ == "Binary":
        return "cr"
    if role in PERSONS and type_ in UPDATED:
        return "crus"
    if role in PERSONS:
        return "rs" if type_ in READ else "crs" if type_ in MESSAGES else ""
    if role == "pgo":
        return "rs" if type_ in COLLECTED else ""
    if role == "privacy-officer" and type_ == "AuditEvent":
        return "rs"
    return ""


@pytest.fixture(scope="module")
def roles() -> Roles:
    return load_roles(TYPES)


@pytest.mark.parametrize("role", ROLES)
def test_every_cell(role: str, roles: Roles) -> None:
    assert {type_: roles.letters(role, type_) for type_ in TYPES} == {type_: wanted(role, type_) for type_ in TYPES}


def test_whom_sources_answer(roles: Roles) -> None:
    federated = {type_ for type_, entry in TYPES.items() if entry.home == "federated"}
    assert {role for role in ROLES for type_ in federated if roles.asks_sources(role, type_)} == {
        "system",
        "practitioner",
        "patient",
        "pgo",
    }
    assert {type_ for type_ in federated if roles.asks_sources("pgo", type_)} - roles.supporting == {
        "MedicationDispense",
        "MedicationRequest",
    }
    assert roles.asks_sources("practitioner", "MedicationDispense")
    assert not roles.asks_sources("related-person", "Observation")


def test_sources_are_never_asked_for_what_is_kept_here(roles: Roles) -> None:
    assert all(TYPES[type_].home != "owned" for type_ in roles.sources)


def test_no_matrix_is_all_closed() -> None:
    empty = load_roles((), "")
    assert empty.letters("system", "Patient") == ""
    assert not empty.asks_sources("practitioner", "Patient")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[own", "roles.toml"),
        ("[other]", "unknown table other"),
        ("[every]\nroot = 'r'", "every: unknown role root"),
        ("[every]\nsystem = 'rx'", "every.system: unknown interaction x"),
        ("[own]\nPatiens = {}", "own: unknown resource type Patiens"),
        ("[own]\nPatient = { doctor = 'r' }", "own.Patient: unknown role doctor"),
        ("[own]\nPatient = { patient = 'read' }", r"own\.Patient\.patient: unknown interaction a, e"),
        ("[sources]\nTask = ['practitioner', 'x']", "sources.Task: unknown role x"),
        ("[sources]\nX = []", "sources: unknown resource type X"),
        ("[reach]\nsecret = []", "reach: unknown kind of reach secret"),
        ("[reach]\ndirectory = ['X']", "directory: unknown resource type X"),
        ("[reach]\npersonal = ['Task']", "author: unknown author parameter of a personal type Task"),
        ("[author]\nX = 'y'", "author: unknown resource type X"),
    ],
)
def test_a_broken_matrix_says_where(text: str, message: str) -> None:
    with pytest.raises(RolesError, match=message):
        load_roles(["Patient", "Task"], text)


def test_author_parameters_exist(roles: Roles) -> None:
    assert all(parameter in TYPES[type_].search for type_, parameter in roles.author.items())


def test_types_are_closed_to_everybody_but_the_system() -> None:
    roles = load_roles(TYPES)
    assert roles.narrowed(()) is roles
    few = roles.narrowed({"Patient", "Observation"})
    for role in PERSONS:
        assert few.letters(role, "Patient") == roles.letters(role, "Patient")
        assert not any(few.letters(role, each) for each in TYPES if each not in {"Patient", "Observation"})
    assert few.letters("system", "Task") == "cruds"
    assert (few.asks_sources("practitioner", "Observation"), few.asks_sources("practitioner", "Condition")) == (True, False)
    none = roles.narrowed({"Patient"})
    assert [none.asks_sources(role, "Medication") for role in ("system", "practitioner", "patient")] == [True, False, False]
