"""The index rows of resources, against rows worked out by hand."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.catalog.usual_codes import usual_codes
from fhir_server.search.extract import extract
from fhir_server.search.references import reference_key
from fhir_server.search.rows import EARLIEST, LATEST, START, Indexed, IndexRow, OrderRow, TextRow, key

TYPES = load().types
BASE = "https://hub.example/fhir"
PROFILE = "http://ozoverbindzorg.nl/fhir/StructureDefinition/"
META = {"versionId": "3", "lastUpdated": "2026-05-20T10:00:00.500Z"}
SCT = "http://snomed.info/sct"
NARROW = {(type_, "patient"): "subject" for type_ in ("CareTeam", "Communication", "Task")}
"""What has its rows under another parameter, which finds the same."""


def micros(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


UPDATED = micros("2026-05-20T10:00:00.500+00:00")


class Expected:
    """Rows in the words of search: which token, reference, uri, date and text a resource has."""

    def __init__(self, type_: str, sort: int) -> None:
        self.type, self.sort = type_, sort
        self.rows: set[IndexRow] = set()
        self.texts: set[TextRow] = set()
        self.orders: set[OrderRow] = set()
        self.present: set[str] = set()

    def token(self, param: str, code: str, system: str = "") -> None:
        self.present.add(param.partition(":")[0])
        self.rows.add(IndexRow(key(self.type, param, code), self.sort, key(system) if system else 0))
        if system and code not in usual_codes().get((self.type, param, system), ()):
            self.rows.add(IndexRow(key(self.type, param, ""), self.sort, key(system)))

    def refers(self, param: str, *targets: str) -> None:
        self.present.add(param)
        self.rows |= {IndexRow(key(self.type, NARROW.get((self.type, param), param), target), self.sort, 0) for target in targets}

    def uri(self, param: str, value: str) -> None:
        self.present.add(param)
        self.rows.add(IndexRow(key(self.type, param, value), self.sort, 0))

    def date(self, param: str, low: int, high: int) -> None:
        self.present.add(param)
        self.rows.add(IndexRow(key(self.type, param), low, high))

    def string(self, param: str, exact: str, normal: str) -> None:
        self.present.add(param.partition(":")[0])
        self.texts.add(TextRow(key(self.type, param), normal, exact))
        if param in TYPES[self.type].search:
            self.orders.add(OrderRow(key(self.type, param, "sort"), normal[:START]))

    def links(self, *targets: str) -> None:
        self.rows |= {IndexRow(key("\x1flink", target), self.sort, 0) for target in targets}

    def check(self, found: Indexed, dossier: str) -> None:
        assert found.sort == self.sort
        assert found.dossier == dossier
        all_ = {IndexRow(key(self.type), self.sort, sum(1 << TYPES[self.type].search[param].place for param in self.present))}
        assert set(found.rows) == self.rows | all_
        sorting = {key(self.type, param, "sort") for param in TYPES[self.type].sort}
        assert set(found.texts) == self.texts
        assert {row for row in found.orders if row.key not in sorting} == self.orders
        assert len(set(found.rows)) == len(found.rows)
        assert len(set(found.texts)) == len(found.texts)


def indexed(resource: dict[str, Any], **more: str) -> Indexed:
    return extract(resource, TYPES[resource["resourceType"]], **{"base": BASE, **more})


def test_careteam() -> None:
    start = micros("2026-01-05T00:00:00+01:00")
    expected = Expected("CareTeam", start)
    expected.date("date", start, LATEST)
    expected.token("status", "active")
    expected.token("identifier", "t-77", "https://www.ozoverbindzorg.nl/namingsystem/team")
    expected.token("category", "LA27976-2", "http://loinc.org")
    expected.token("category", "net")
    expected.string("category:text", "only text", "only text")
    expected.string("role:text", "no member", "no member")
    expected.refers("subject", "Patient/p1")
    expected.refers("patient", "Patient/p1")
    expected.refers("participant", "Practitioner/d1", "RelatedPerson/r1", "https://elsewhere.example/fhir/Practitioner/9")
    expected.token("participant:identifier", "12345", "http://fhir.nl/fhir/NamingSystem/agb-z")
    expected.refers("managing-organization", "Organization/o1")
    expected.string("name", "Netwerk  Zoë", "netwerk zoe")
    expected.uri("_profile", PROFILE + "OZOCareTeam")
    expected.token("_tag", "demo", "https://a.example/tag")
    resource = {
        "resourceType": "CareTeam",
        "id": "n1",
        "meta": {**META, "profile": [PROFILE + "OZOCareTeam"], "tag": [{"system": "https://a.example/tag", "code": "demo"}]},
        "identifier": [{"system": "https://www.ozoverbindzorg.nl/namingsystem/team", "value": "t-77"}],
        "status": "active",
        "category": [{"coding": [{"system": "http://loinc.org", "code": "LA27976-2"}, {"code": "net"}]}, {"text": "only text"}],
        "name": "Netwerk  Zoë",
        "subject": {"reference": "Patient/p1", "type": "Patient"},
        "period": {"start": "2026-01-05"},
        "participant": [
            {"member": {"reference": "Practitioner/d1"}},
            {"member": {"reference": "Practitioner/d1/_history/4"}},
            {"member": {"reference": f"{BASE}/RelatedPerson/r1"}},
            {"member": {"reference": "https://elsewhere.example/fhir/Practitioner/9"}},
            {"member": {"reference": "#inside"}},
            {"member": {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/agb-z", "value": "12345"}}},
            {"role": [{"text": "no member"}]},
        ],
        "managingOrganization": [{"reference": "Organization/o1"}],
    }
    expected.check(indexed(resource), "Patient/p1")


def test_an_organisational_careteam_is_its_own_dossier() -> None:
    resource = {"resourceType": "CareTeam", "id": "t9", "meta": META, "status": "active", "name": "Wijkteam Noord"}
    expected = Expected("CareTeam", UPDATED)
    expected.token("status", "active")
    expected.string("name", "Wijkteam Noord", "wijkteam noord")
    expected.check(indexed(resource), "CareTeam/t9")


def test_a_team_of_a_group_is_its_own_dossier_too() -> None:
    resource = {"resourceType": "CareTeam", "id": "t9", "meta": META, "subject": {"reference": "Group/g1"}}
    expected = Expected("CareTeam", UPDATED)
    expected.refers("subject", "Group/g1")
    expected.check(indexed(resource), "CareTeam/t9")


def test_communication() -> None:
    sent = micros("2026-05-20T09:15:00+02:00")
    expected = Expected("Communication", sent)
    expected.date("sent", sent, sent + 1_000_000)
    expected.token("status", "completed")
    expected.refers("part-of", "CommunicationRequest/q1")
    expected.refers("based-on", "CommunicationRequest/q1")
    expected.refers("sender", "RelatedPerson/r1")
    expected.refers("recipient", "CareTeam/n1", "Practitioner/d1")
    expected.refers("subject", "Patient/p1")
    expected.refers("patient", "Patient/p1")
    expected.refers("sender-careteam", "CareTeam/t9")
    expected.links("CareTeam/other")
    resource = {
        "resourceType": "Communication",
        "id": "m1",
        "meta": META,
        "extension": [
            {
                "url": "http://ozoverbindzorg.nl/fhir/StructureDefinition/ozo-sender-careteam",
                "valueReference": {"reference": "CareTeam/t9"},
            },
            {"url": "https://a.example/other", "valueReference": {"reference": "CareTeam/other"}},
        ],
        "partOf": [{"reference": "CommunicationRequest/q1", "type": "CommunicationRequest"}],
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "sent": "2026-05-20T09:15:00+02:00",
        "sender": {"reference": "RelatedPerson/r1"},
        "recipient": [{"reference": "CareTeam/n1"}, {"reference": "Practitioner/d1"}],
        "payload": [{"contentString": "not searched"}],
    }
    expected.check(indexed(resource), "Patient/p1")


def test_a_reply_without_subject_belongs_to_the_dossier_that_is_given() -> None:
    resource = {"resourceType": "Communication", "id": "m1", "meta": META, "status": "completed"}
    assert indexed(resource).dossier == ""
    assert indexed(resource, dossier="Patient/p1").dossier == "Patient/p1"
    assert indexed({**resource, "subject": {"reference": "Patient/p2"}}, dossier="Patient/p1").dossier == "Patient/p2"


def test_patient() -> None:
    expected = Expected("Patient", UPDATED)
    expected.token("active", "true")
    expected.token("deceased", "false")
    expected.token("gender", "male")
    expected.token("identifier", "p-1", "https://www.ozoverbindzorg.nl/namingsystem/person")
    expected.token("telecom", "0612345678", "phone")
    expected.token("phone", "0612345678", "phone")
    expected.token("telecom", "w@a.example", "email")
    expected.token("email", "w@a.example", "email")
    expected.token("language", "nl", "urn:ietf:bcp:47")
    expected.refers("general-practitioner", "Practitioner/d1")
    expected.date("birthdate", micros("1940-02-01T00:00:00+01:00"), micros("1940-02-02T00:00:00+01:00"))
    for exact, normal in (
        ("Willem  Terpstra", "willem terpstra"),
        ("Terpstra", "terpstra"),
        ("Willem", "willem"),
        ("André", "andre"),
    ):
        expected.string("name", exact, normal)
    expected.string("family", "Terpstra", "terpstra")
    expected.string("given", "Willem", "willem")
    expected.string("given", "André", "andre")
    for exact, normal in (("Lindelaan 4", "lindelaan 4"), ("Súdwest", "sudwest"), ("8601 AB", "8601 ab")):
        expected.string("address", exact, normal)
    expected.string("address-city", "Súdwest", "sudwest")
    expected.string("address-postalcode", "8601 AB", "8601 ab")
    resource = {
        "resourceType": "Patient",
        "id": "p1",
        "meta": META,
        "identifier": [{"system": "https://www.ozoverbindzorg.nl/namingsystem/person", "value": "p-1"}, {"use": "temp"}],
        "active": True,
        "name": [
            {
                "text": "Willem  Terpstra",
                "family": "Terpstra",
                "given": ["Willem", None, "André"],
                "_given": [None, {"id": "x"}, None],
            }
        ],
        "telecom": [{"system": "phone", "value": "0612345678"}, {"system": "email", "value": "w@a.example"}],
        "gender": "male",
        "birthDate": "1940-02-01",
        "address": [{"line": ["Lindelaan 4"], "city": "Súdwest", "postalCode": "8601 AB"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "nl"}]}}],
        "generalPractitioner": [{"reference": "Practitioner/d1"}],
        "deceasedBoolean": False,
    }
    expected.check(indexed(resource), "Patient/p1")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "false"),
        ({"deceasedBoolean": False}, "false"),
        ({"deceasedBoolean": True}, "true"),
        ({"deceasedDateTime": "2026"}, "true"),
    ],
)
def test_deceased_is_always_known(more: dict[str, Any], code: str) -> None:
    found = indexed({"resourceType": "Patient", "id": "p", "meta": META, **more})
    assert [row for row in found.rows if row.key in {key("Patient", "deceased", one) for one in ("true", "false")}] == [
        IndexRow(key("Patient", "deceased", code), UPDATED, 0)
    ]


def test_task() -> None:
    authored = micros("2026-05-20T08:00:00+00:00")
    expected = Expected("Task", authored)
    expected.date("authored-on", authored, authored + 1_000_000)
    expected.date("period", EARLIEST, micros("2026-06-01T00:00:00+02:00"))
    expected.token("status", "requested")
    expected.token("intent", "order")
    expected.token("code", "invite", "https://a.example/task")
    expected.token("owner:identifier", "d@a.example", "https://www.ozoverbindzorg.nl/namingsystem/email")
    expected.refers("owner", "Practitioner/d1")
    expected.refers("focus", "Communication/m1")
    expected.refers("based-on", "CommunicationRequest/q1")
    expected.refers("subject", "Patient/p1")
    expected.refers("patient", "Patient/p1")
    resource = {
        "resourceType": "Task",
        "id": "t1",
        "meta": META,
        "basedOn": [{"reference": "CommunicationRequest/q1"}],
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "https://a.example/task", "code": "invite"}]},
        "focus": {"reference": "Communication/m1"},
        "for": {"reference": f"{BASE}/Patient/p1", "type": "Patient"},
        "executionPeriod": {"end": "2026-05-31"},
        "authoredOn": "2026-05-20T08:00:00Z",
        "owner": {
            "reference": "Practitioner/d1",
            "identifier": {"system": "https://www.ozoverbindzorg.nl/namingsystem/email", "value": "d@a.example"},
        },
    }
    expected.check(indexed(resource), "Patient/p1")


def test_consent() -> None:
    given = micros("2026-01-01T00:00:00+01:00")
    expected = Expected("Consent", given)
    expected.date("date", given, micros("2026-01-02T00:00:00+01:00"))
    expected.date("period", micros("2026-01-01T00:00:00+01:00"), micros("2028-01-01T00:00:00+01:00"))
    expected.token("status", "active")
    expected.token("scope", "patient-privacy", "http://terminology.hl7.org/CodeSystem/consentscope")
    expected.token("category", "59284-0", "http://loinc.org")
    expected.token("purpose", "TREAT", "http://terminology.hl7.org/CodeSystem/v3-ActReason")
    expected.refers("patient", "Patient/p1")
    expected.refers("consentor", "RelatedPerson/r1")
    expected.refers("actor", "CareTeam/n1")
    resource = {
        "resourceType": "Consent",
        "id": "c1",
        "meta": META,
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/p1"},
        "dateTime": "2026-01-01",
        "performer": [{"reference": "RelatedPerson/r1"}],
        "provision": {
            "type": "permit",
            "period": {"start": "2026-01-01", "end": "2027-12-31"},
            "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "CareTeam/n1"}}],
            "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
        },
    }
    expected.check(indexed(resource), "Patient/p1")


def test_practitioner_belongs_to_no_dossier() -> None:
    expected = Expected("Practitioner", UPDATED)
    expected.token("active", "true")
    expected.token("identifier", "d@a.example", "https://www.ozoverbindzorg.nl/namingsystem/email")
    for exact, normal in (("Öztürk", "ozturk"), ("Ayşe", "ayse"), ("dr.", "dr.")):
        expected.string("name", exact, normal)
    expected.string("family", "Öztürk", "ozturk")
    expected.string("given", "Ayşe", "ayse")
    resource = {
        "resourceType": "Practitioner",
        "id": "d1",
        "meta": META,
        "identifier": [{"system": "https://www.ozoverbindzorg.nl/namingsystem/email", "value": "d@a.example"}],
        "active": True,
        "name": [{"family": "Öztürk", "given": ["Ayşe"], "prefix": ["dr."]}],
    }
    expected.check(indexed(resource), "")


def test_auditevent() -> None:
    recorded = micros("2026-05-20T08:00:00.250+00:00")
    expected = Expected("AuditEvent", recorded)
    expected.date("date", recorded, recorded + 1000)
    expected.token("type", "rest", "http://terminology.hl7.org/CodeSystem/audit-event-type")
    expected.token("subtype", "read", "http://hl7.org/fhir/restful-interaction")
    expected.token("action", "R")
    expected.token("outcome", "0")
    expected.token("entity-type", "Patient", "http://hl7.org/fhir/resource-types")
    expected.token("entity-role", "4", "http://terminology.hl7.org/CodeSystem/object-role")
    expected.refers("agent", "Practitioner/d1")
    expected.token("source:identifier", "aaa-proxy-001", "https://www.ozoverbindzorg.nl/namingsystem/device")
    expected.refers("entity", "Communication/m1", "Patient/p1")
    expected.refers("patient", "Patient/p1")
    expected.string("agent-name", "A. Öztürk", "a. ozturk")
    expected.string("address", "10.0.0.1", "10.0.0.1")
    resource = {
        "resourceType": "AuditEvent",
        "id": "a1",
        "meta": META,
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": "read"}],
        "action": "R",
        "recorded": "2026-05-20T08:00:00.250Z",
        "outcome": "0",
        "agent": [
            {"who": {"reference": "Practitioner/d1"}, "name": "A. Öztürk", "requestor": True, "network": {"address": "10.0.0.1"}}
        ],
        "source": {
            "observer": {"identifier": {"system": "https://www.ozoverbindzorg.nl/namingsystem/device", "value": "aaa-proxy-001"}}
        },
        "entity": [
            {"what": {"reference": "Communication/m1/_history/1"}},
            {
                "what": {"reference": "Patient/p1/_history/2"},
                "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Patient"},
                "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "4"},
            },
        ],
    }
    expected.check(indexed(resource), "Patient/p1")


def test_a_questionnaire_is_found_with_and_without_its_version() -> None:
    found = indexed({"resourceType": "QuestionnaireResponse", "id": "q", "meta": META, "questionnaire": "https://a.example/q|2"})
    keys = {row.key for row in found.rows}
    assert {key("QuestionnaireResponse", "questionnaire", one) for one in ("https://a.example/q", "https://a.example/q|2")} <= keys


@pytest.mark.parametrize(
    ("timing", "low", "high"),
    [
        ({"event": ["2026-05-01", "2026-05-03"]}, "2026-05-01T00:00:00+02:00", "2026-05-04T00:00:00+02:00"),
        (
            {"event": ["2026-05-01"], "repeat": {"boundsPeriod": {"start": "2026-04-01", "end": "2026-04-30"}}},
            "2026-04-01T00:00:00+02:00",
            "2026-05-02T00:00:00+02:00",
        ),
    ],
)
def test_a_timing_is_its_outer_limits(timing: dict[str, Any], low: str, high: str) -> None:
    found = indexed({"resourceType": "Observation", "id": "o", "meta": META, "effectiveTiming": timing})
    assert [row for row in found.rows if row.key == key("Observation", "date")] == [
        IndexRow(key("Observation", "date"), micros(low), micros(high))
    ]
    assert found.sort == micros(low)


@pytest.mark.parametrize(
    "more", [{"effectiveDateTime": "yesterday"}, {"effectivePeriod": {"start": "2026-99"}}, {"effectiveTiming": {}}]
)
def test_a_date_that_is_none_has_no_row(more: dict[str, Any]) -> None:
    found = indexed({"resourceType": "Observation", "id": "o", "meta": META, **more})
    assert found.sort == UPDATED
    assert all(row.key != key("Observation", "date") for row in found.rows)


def test_without_any_date_a_resource_comes_last() -> None:
    assert indexed({"resourceType": "Task", "id": "t"}).sort == EARLIEST


@pytest.mark.parametrize(
    ("reference", "dossier"),
    [
        ({"reference": "Patient/p1"}, "Patient/p1"),
        ({"reference": "Patient/p1/_history/7"}, "Patient/p1"),
        ({"reference": f"{BASE}/Patient/p1"}, "Patient/p1"),
        ({"reference": "https://elsewhere.example/fhir/Patient/p1"}, ""),
        ({"reference": "Location/l1"}, ""),
        ({"reference": "#p"}, ""),
        ({"identifier": {"value": "1"}, "type": "Patient"}, ""),
    ],
)
def test_a_dossier_is_a_patient_of_ours(reference: dict[str, Any], dossier: str) -> None:
    appointment = {
        "resourceType": "Appointment",
        "id": "a",
        "meta": META,
        "participant": [{"status": "accepted"}, {"actor": reference}],
    }
    assert indexed(appointment).dossier == dossier


@pytest.mark.parametrize("base", [BASE, BASE + "/"])
def test_the_base_may_end_in_a_slash(base: str) -> None:
    assert indexed({"resourceType": "Task", "id": "t", "for": {"reference": f"{BASE}/Patient/p"}}, base=base).dossier == "Patient/p"


def test_every_type_is_extracted_from_nearly_nothing() -> None:
    for name, entry in TYPES.items():
        found = extract({"resourceType": name, "id": "x", "meta": META}, entry)
        assert [row.sort for row in found.rows if row.key == key(name)] == [found.sort]


def test_parameters_of_one_type_never_share_a_key() -> None:
    for name, entry in TYPES.items():
        keys = [key(name, code) for code in entry.search]
        assert all(one != other for one, other in itertools.combinations(keys, 2))


def test_what_a_narrower_parameter_finds_is_kept_once() -> None:
    """But for references whose text does not tell of what type they are: of these only the narrower one knows which are its own."""
    entry = TYPES["Task"]

    def keys(reference: str, type_: str) -> set[int]:
        task = {"resourceType": "Task", "id": "t", "meta": META, "for": {"reference": reference, "type": type_}}
        return {row.key for row in indexed(task).rows}

    assert entry.search.keys() > {"patient", "subject"}
    assert keys("Patient/p", "Patient") >= {key("Task", "subject", "Patient/p")}
    assert key("Task", "patient", "Patient/p") not in keys("Patient/p", "Patient")
    urn = "urn:uuid:0c3c6b2e-6a4c-4c8e-9a52-6f1f1a5b9f10"
    assert keys(urn, "Patient") >= {key("Task", "subject", urn), key("Task", "patient", urn)}
    assert key("Task", "patient", urn) not in keys(urn, "Group")


@pytest.mark.parametrize(
    ("param", "target", "expected"),
    [
        ("subject", "Group/g", key("Task", "subject", "Group/g")),
        ("patient", "Patient/p", key("Task", "subject", "Patient/p")),
        ("patient", "https://x.example/fhir/Patient/p", key("Task", "subject", "https://x.example/fhir/Patient/p")),
        ("patient", "Group/g", None),
        ("patient", "urn:uuid:1", key("Task", "patient", "urn:uuid:1")),
        ("1@patient", "Patient/p", key("Task", "1@patient", "Patient/p")),
    ],
)
def test_a_narrower_parameter_is_looked_up_under_the_wider_one(param: str, target: str, expected: int | None) -> None:
    assert reference_key("Task", param, target) == expected
