"""SMART's fhirclient against the running hub, with its own models, which check what they read."""

from typing import Any
from uuid import uuid4

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.careteam import CareTeam
from fhirclient.models.fhirdate import FHIRDate
from fhirclient.models.fhirreference import FHIRReference
from fhirclient.models.humanname import HumanName
from fhirclient.models.identifier import Identifier
from fhirclient.models.medicationdispense import MedicationDispense
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRPermissionDeniedException, FHIRUnauthorizedException
from flows.client import Demo

SYSTEM = "http://clients.example/fhirclient"


def client(hub: Demo, person: str = "system", token: str = "") -> Any:
    made = FHIRClient(settings={"app_id": "test", "api_base": f"{hub.facts['base']}/fhir"})
    made.prepare()  # reads the CapabilityStatement with its model, and finds where to log in
    made.server.auth.access_token = token or hub.facts["persons"][person]["token"]
    assert made.ready
    return made


@pytest.fixture
def family() -> str:
    """Return a name that nobody else in the store has."""
    return f"Smart{uuid4().hex[:10]}"


def patient(family: str, given: str = "Aafke") -> Patient:
    made = Patient()
    name = HumanName({"family": family, "given": [given]})
    made.name = [name]
    made.identifier = [Identifier({"system": SYSTEM, "value": f"{family}-{given}"})]
    made.birthDate = FHIRDate("1950-06-01")
    return made


def test_the_capability_statement_fits_the_model(hub: Demo) -> None:
    statement = client(hub).server.capabilityStatement
    assert statement.fhirVersion == "4.0.1"
    assert "Patient" in {resource.type for resource in statement.rest[0].resource}


def test_a_resource_lives_and_dies(hub: Demo, family: str) -> None:
    server = client(hub).server
    made = patient(family)
    answer = made.create(server)
    assert answer["meta"]["versionId"] == "1"
    read = Patient.read(answer["id"], server)
    assert read.name[0].family == family
    read.gender = "female"
    assert read.update(server)["meta"]["versionId"] == "2"
    assert Patient.read(answer["id"], server).gender == "female"
    read.delete()
    with pytest.raises(Exception, match="410"):
        Patient.read(answer["id"], server)


def test_searching(hub: Demo, family: str) -> None:
    server = client(hub).server
    for given in ("Bram", "Aafke", "Cas"):
        patient(family, given).create(server)

    def given(**struct: Any) -> list[str]:
        return sorted(one.name[0].given[0] for one in Patient.where({"family": family, **struct}).perform_resources_iter(server))

    assert given() == ["Aafke", "Bram", "Cas"]
    assert given(_count="1") == ["Aafke", "Bram", "Cas"]  # follows the next links
    assert given(identifier=f"{SYSTEM}|{family}-Cas") == ["Cas"]
    assert given(given={"$exact": "Bram"}) == ["Bram"]
    assert given(given={"$or": ["Bram", "Cas"]}) == ["Bram", "Cas"]
    assert given(birthdate="le1950-06-01") == ["Aafke", "Bram", "Cas"]
    assert given(gender={"$missing": "false"}) == []


def test_what_comes_along_and_references_resolve(hub: Demo, family: str) -> None:
    server = client(hub).server
    subject = patient(family)
    id_ = subject.create(server)["id"]
    team = CareTeam()
    team.status = "active"
    team.subject = FHIRReference({"reference": f"Patient/{id_}"})
    team_id = team.create(server)["id"]
    assert CareTeam.read(team_id, server).subject.resolved(Patient).name[0].family == family
    found = list(CareTeam.where({"_id": team_id}).include("subject").perform_resources_iter(server))
    assert [type(one).__name__ for one in found] == ["CareTeam", "Patient"]


def test_every_type_of_the_demo_is_read_by_the_models(hub: Demo) -> None:
    smart = client(hub)
    fitted = set()
    types = [resource.type for resource in smart.server.capabilityStatement.rest[0].resource]
    subject = hub.facts["patient"].partition("/")[2]
    for type_ in types:
        query = f"{type_}?_count=50" if type_ == "Patient" else f"{type_}?patient={subject}"
        response = hub.as_("system").get(query, Prefer="handling=lenient")
        if response.status == 200:
            fitted |= {type(entry.resource).__name__ for entry in Bundle(response.json).entry or ()}
    assert fitted >= {"Patient", "CareTeam", "CommunicationRequest", "Communication", "Task", "Consent", "MedicationDispense"}


def test_a_federated_type(hub: Demo) -> None:
    found = MedicationDispense.where({"patient": hub.facts["patient"]}).perform_resources_iter(client(hub).server)
    assert [one for one in found if isinstance(one, MedicationDispense)]


def test_refusals_are_understood(hub: Demo, family: str) -> None:
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody-has-this-id", client(hub).server)
    with pytest.raises(FHIRPermissionDeniedException):
        patient(family).create(client(hub, "outsider").server)
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read("x", client(hub, token="forged").server)
