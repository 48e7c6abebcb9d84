"""What is said of identifiers that break a rule, by table."""

from typing import Any

import pytest

from fhir_server.network.identifier_rules import broken
from profiles import identifiers
from profiles.identifiers import equivalents, rules

NL, OZO = "http://fhir.nl/fhir/NamingSystem/", "https://www.ozoverbindzorg.nl/namingsystem/"
DID = "urn:ietf:rfc:3986"
FORM, PLACE = "identifier-form", "identifier-place"


def with_identifier(type_: str, system: str, value: str) -> dict[str, Any]:
    return {"resourceType": type_, "identifier": [{"system": system, "value": value}]}


@pytest.mark.parametrize(
    ("type_", "system", "value", "said"),
    [
        ("Patient", f"{NL}bsn", "999990019", []),
        ("Patient", f"{NL}bsn", "999990018", [FORM]),
        ("Patient", f"{NL}bsn", "99999001", [FORM]),
        ("Patient", "urn:oid:2.16.840.1.113883.2.4.6.3", "999990018", [FORM]),
        ("Organization", f"{NL}bsn", "999990019", [PLACE]),
        ("Practitioner", f"{NL}bsn", "1", [FORM, PLACE]),
        ("Practitioner", f"{NL}agb-z", "01234567", []),
        ("Practitioner", f"{NL}agb-z", "0123456", [FORM]),
        ("Patient", f"{NL}agb-z", "01234567", [PLACE]),
        ("Organization", f"{NL}ura", "00012345", []),
        ("Organization", f"{NL}ura", "12345", [FORM]),
        ("Organization", "ura", "12345", [FORM]),
        ("Practitioner", f"{NL}uzi-nr-pers", "900012345", []),
        ("Practitioner", f"{NL}uzi-nr-pers", "90001234\u0665", [FORM]),
        ("Practitioner", f"{NL}big", "19012345601", []),
        ("Practitioner", f"{NL}big", "19012345601\n", [FORM]),
        ("Organization", f"{NL}big", "19012345601", [PLACE]),
        ("Patient", f"{OZO}person", "anything at all", []),
        ("RelatedPerson", "OZO/Person", "1", []),
        ("Practitioner", f"{OZO}person", "1", [PLACE]),
        ("Practitioner", "OZO-CONNECT/Professional", "1", []),
        ("Patient", "OZO-CONNECT/Professional", "1", [PLACE]),
        ("Patient", f"{OZO}network-relation", "1", [PLACE]),
        ("CareTeam", f"{OZO}team", "1", []),
        ("Organization", f"{OZO}team", "1", [PLACE]),
        ("Practitioner", f"{OZO}email", "a.jansen@example.org", []),
        ("Patient", f"{OZO}email", "a.jansen", [FORM]),
        ("Patient", "email", "a@b@c", [FORM]),
        ("Device", f"{OZO}device", "aaa-proxy-001", []),
        ("Device", DID, "did:web:example.org:clinic", []),
        ("Device", DID, "did:web", [FORM]),
        ("Device", DID, "did:WEB:x", [FORM]),
        ("Device", DID, "urn:uuid:1", []),
        ("Device", DID, "no uri", [FORM]),
        ("Patient", "https://example.org/of-nobody", "x", []),
    ],
)
def test_an_identifier(type_: str, system: str, value: str, said: list[str]) -> None:
    issues = broken(with_identifier(type_, system, value))
    assert [each.detail for each in issues] == said
    assert {each.severity for each in issues} <= {"warning"}
    assert [each.expression for each in issues] == [
        f"{type_}.identifier[0].{'value' if each == FORM else 'system'}" for each in said
    ]
    assert all(len(value) < 5 or value not in each.text for each in issues)


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (
            {"resourceType": "Task", "owner": {"type": "Practitioner", "identifier": {"system": f"{OZO}person", "value": "1"}}},
            [("Task.owner.identifier.system", PLACE)],
        ),
        ({"resourceType": "Task", "owner": {"identifier": {"system": f"{OZO}person", "value": "1"}}}, []),
        (
            {"resourceType": "Patient", "contained": [with_identifier("Organization", f"{NL}ura", "1")]},
            [("Patient.contained[0].identifier[0].value", FORM)],
        ),
        (
            {"resourceType": "Patient", "extension": [{"url": "x:y", "valueIdentifier": {"system": f"{NL}ura", "value": "1"}}]},
            [("Patient.extension[0].valueIdentifier.value", FORM)],
        ),
        ({"resourceType": "Patient", "telecom": [{"system": "email", "value": "none"}]}, []),
        ({"resourceType": "Patient", "identifier": [{"system": f"{NL}bsn", "_value": {"extension": [{"url": "x:y"}]}}]}, []),
        ({"resourceType": "Patient", "identifier": [{"value": "1"}]}, []),
    ],
)
def test_where_identifiers_stand(resource: dict[str, Any], said: list[tuple[str, str]]) -> None:
    assert [(each.expression, each.detail) for each in broken(resource)] == said


def test_the_table_is_whole() -> None:
    assert all((rule.pattern is None) == (not rule.form) for rule in rules().values())
    assert equivalents()[f"{OZO}person"][0] == f"{OZO}person"
    assert "OZO/Person" in equivalents()[f"{OZO}person"]
    assert "OZO/Person" not in equivalents()


def test_the_table_says_whether_other_names_count(monkeypatch: pytest.MonkeyPatch) -> None:
    table = identifiers._tables() | {"also": False}
    monkeypatch.setattr(identifiers, "_tables", lambda: table)
    assert equivalents.__wrapped__() == {}
