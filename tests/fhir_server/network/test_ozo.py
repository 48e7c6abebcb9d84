"""Which profile a resource claims, what is filled in, and whom the profiles bind, in either mode."""

from typing import Any

import pytest

from fhir_server.network.conversation import closes
from fhir_server.network.ozo import BASE, DEFAULT_MODE, completed, judged, mode, profile_of
from fhir_server.validation import validate

Json = dict[str, Any]
STRICT = mode(strict=True)
PERSON = "https://www.ozoverbindzorg.nl/namingsystem/person"
CLIENT: Json = {
    "resourceType": "Patient",
    "identifier": [{"system": PERSON, "value": "1"}],
    "name": [{"family": "Boer"}],
    "gender": "male",
    "birthDate": "1938-01-01",
}


def reference(to: str, *, typed: bool = True) -> Json:
    return {"reference": to, "type": to.partition("/")[0]} if typed else {"reference": to}


NETWORK: Json = {
    "resourceType": "CareTeam",
    "status": "active",
    "subject": reference("Patient/1"),
    "participant": [{"member": reference("Practitioner/1"), "onBehalfOf": reference("Organization/1")}],
}
DEPARTMENT: Json = {
    "resourceType": "CareTeam",
    "status": "active",
    "name": "Wijkteam",
    "managingOrganization": [reference("Organization/1")],
    "participant": [{"member": reference("Practitioner/1")}],
}
THREAD: Json = {
    "resourceType": "CommunicationRequest",
    "status": "draft",
    "subject": reference("Patient/1"),
    "requester": reference("RelatedPerson/1"),
    "recipient": [reference("CareTeam/1")],
    "payload": [{"contentString": "Vraag"}],
}
MESSAGE: Json = {
    "resourceType": "Communication",
    "status": "completed",
    "partOf": [reference("CommunicationRequest/1")],
    "sender": reference("Patient/1"),
    "payload": [{"contentString": "Antwoord"}],
}
TASK: Json = {
    "resourceType": "Task",
    "status": "requested",
    "intent": "order",
    "basedOn": [reference("CommunicationRequest/1", typed=False)],
    "for": reference("Patient/1"),
    "owner": reference("Practitioner/1", typed=False),
}
CARER: Json = {
    "resourceType": "RelatedPerson",
    "active": True,
    "identifier": [{"system": "OZO/Person", "value": "1"}],
    "patient": reference("Patient/1"),
    "relationship": [{"coding": [{"system": "urn:oid:2.16.840.1.113883.5.111", "code": "SONC"}]}],
    "name": [{"family": "Groot"}],
}
CONFORMING = (CLIENT, NETWORK, DEPARTMENT, THREAD, MESSAGE, TASK, CARER)


def without(resource: Json, *names: str) -> Json:
    return {name: value for name, value in resource.items() if name not in names}


@pytest.mark.parametrize("resource", CONFORMING, ids=profile_of)
def test_what_conforms_claims_its_profile_and_no_other_of_ozo(resource: Json) -> None:
    assert validate(resource) == []
    claims = {"meta": {"profile": [BASE + "OZODevice", "urn:other", BASE + "OZOTask"]}}
    for each in (DEFAULT_MODE, STRICT):
        assert judged(resource | claims, each) == ((BASE + profile_of(resource), "urn:other"), ())


def test_the_profile_of_a_team_is_that_of_its_subject() -> None:
    assert (profile_of(NETWORK), profile_of(without(NETWORK, "subject"))) == ("OZOCareTeam", "OZOOrganizationalCareTeam")


@pytest.mark.parametrize("resource", [without(TASK, "basedOn"), {"resourceType": "Location"}])
def test_what_has_no_profile_claims_none(resource: Json) -> None:
    assert judged(resource | {"meta": {"profile": [BASE + "OZOTask", "urn:other"]}}, STRICT) == (("urn:other",), ())


@pytest.mark.parametrize(
    ("resource", "place", "default"),
    [
        (without(CLIENT, "birthDate"), "Patient.birthDate", True),
        (without(CLIENT, "birthDate", "identifier"), "Patient.birthDate", False),
        (without(CLIENT, "gender"), "Patient.gender", False),
        (CLIENT | {"telecom": [{"value": "1"}]}, "Patient.telecom[0].system", False),
        (without(CARER, "relationship"), "RelatedPerson.relationship", True),
        (without(CARER, "relationship", "identifier"), "RelatedPerson.relationship", False),
        (CARER | {"relationship": [{"text": "zoon"}]}, "RelatedPerson.relationship[0].coding", False),
        (
            NETWORK | {"participant": [{"member": reference("Practitioner/1", typed=False)}]},
            "CareTeam.participant[0].member.type",
            True,
        ),
        (NETWORK | {"participant": [{"member": reference("Organization/1")}]}, "CareTeam.participant[0].member", False),
        (without(DEPARTMENT, "managingOrganization"), "CareTeam.managingOrganization", True),
        (
            DEPARTMENT | {"managingOrganization": [reference("Organization/1")] * 2},
            "CareTeam.managingOrganization",
            True,
        ),
        (DEPARTMENT | {"participant": [{"member": reference("Patient/1")}]}, "CareTeam.participant[0].member", True),
        (without(DEPARTMENT, "name"), "CareTeam.name", False),
        (THREAD | {"recipient": [reference("Patient/1")]}, "CommunicationRequest.recipient[0]", False),
        (THREAD | {"subject": reference("Patient/1", typed=False)}, "CommunicationRequest.subject.type", False),
        (
            THREAD | {"extension": [{"url": BASE + "ozo-sender-careteam", "valueReference": reference("Patient/1")}]},
            "CommunicationRequest.extension[0].value",
            False,
        ),
        (without(MESSAGE, "partOf"), "Communication.partOf", False),
        (TASK | {"owner": reference("Patient/1")}, "Task.owner", False),
    ],
)
def test_what_breaks_a_profile(resource: Json, place: str, *, default: bool) -> None:
    claimed, refused = judged(resource, STRICT)
    assert claimed == ()
    assert place in [each.expression for each in refused]
    assert bool(judged(resource, DEFAULT_MODE).refused) is default


def test_who_claims_another_profile_types_references_for_that_one() -> None:
    team = without(DEPARTMENT, "managingOrganization")
    assert judged(team | {"meta": {"profile": ["urn:other"]}}, DEFAULT_MODE) == (("urn:other",), ())
    assert judged(team | {"meta": {"profile": [BASE + "OZOCareTeam"]}}, DEFAULT_MODE).refused


def test_a_value_that_is_absent_for_a_reason_is_there() -> None:
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    unknown = without(CLIENT, "birthDate") | {"_birthDate": {"extension": [reason]}}
    assert judged(unknown, STRICT) == ((BASE + "OZOPatient",), ())


EVENT: Json = {
    "resourceType": "AuditEvent",
    "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
    "action": "R",
    "recorded": "2026-01-01T00:00:00Z",
    "agent": [{"who": reference("Practitioner/1"), "requestor": True}, {"who": reference("Device/1"), "requestor": False}],
    "source": {"observer": {"display": "app"}},
}


def test_what_clients_leave_out() -> None:
    assert completed(without(MESSAGE, "status")) == {"status": "preparation"}
    assert completed(MESSAGE) == {}
    found = completed(EVENT)
    assert found["outcome"] == "0"
    assert found["source"]["observer"] == EVENT["source"]["observer"]
    assert [each["type"]["coding"][0]["code"] for each in found["agent"]] == ["110153", "110150"]
    assert completed(EVENT | found) == {}
    assert judged(EVENT | found, STRICT) == ((BASE + "OZOAuditEvent",), ())
    assert judged(EVENT, DEFAULT_MODE) == ((), ())


@pytest.mark.parametrize("broken", [{"source": "x"}, {"agent": "x"}, {"agent": ["x"]}, {"agent": [{"who": "x"}]}])
def test_what_is_no_resource_is_left_to_validation(broken: Json) -> None:
    assert validate(EVENT | broken | completed(EVENT | broken)) != []


def test_a_receipt_is_taken_as_it_is_and_a_client_as_its_agent_in_default_mode_only() -> None:
    access = EVENT | completed(EVENT)
    access["type"] = {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"}
    assert judged(access, STRICT) == ((), ())
    client = access | {"agent": [{"who": reference("Patient/1"), "requestor": True}]}
    assert judged(client, DEFAULT_MODE) == ((), ())
    assert [each.expression for each in judged(client, STRICT).refused] == ["AuditEvent.agent[0].who"]


@pytest.mark.parametrize(
    ("changes", "closed"),
    [
        ({"status": "completed"}, True),
        ({"status": "revoked", "meta": {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"}}, True),
        ({"status": "active"}, False),
        ({"status": "completed", "payload": []}, False),
        ({"status": "completed", "meta": {"tag": [{"code": "x"}]}}, False),
    ],
)
def test_that_a_conversation_is_over_is_all_that_changes(changes: Json, *, closed: bool) -> None:
    assert closes(THREAD | changes, THREAD, {"completed", "revoked"}) is closed
