"""Whom a RelatedPerson represents: by the relationship, or by a mandate of the client."""

from typing import Any

import pytest
from consents import OWN

from fhir_server.access.roles import load_roles
from fhir_server.catalog.catalog import load
from fhir_server.network.representative import represents
from fhir_server.search.values import instant

KINDS = load_roles(load().types).representatives
AT = 1_780_000_000_000_000  # 2026-05-28
BASE = "https://hub.test/fhir"
NOW = instant("2026-06-01T10:00:00+02:00")


ROLE_CODES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


def related(code: str = "GUARD", system: str = ROLE_CODES, **more: Any) -> dict[str, Any]:
    relationship = [{"coding": [{"system": system, "code": code}]}]
    return {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/bakker"}, "relationship": relationship, **more}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (related(), "Patient/bakker"),
        (related("DAUC"), ""),
        (related(system="urn:oid:2.16.840.1.113883.5.111"), "Patient/bakker"),
        (related(system="urn:oid:2.16.840.1.113883.5.110"), "Patient/bakker"),
        (related("DAUC", "urn:oid:2.16.840.1.113883.5.111"), ""),
        (related(system="urn:oid:2.16.840.1.113883.5.1"), ""),
        (related(active=False), ""),
        (related(period={"start": "2026-01-01", "end": "2026-05-28"}), "Patient/bakker"),
        (related(period={"end": "2026-05-27"}), ""),
        (related(period={"start": "2026-06"}), ""),
        (related(period={"start": "soon"}), ""),
        (related(patient={"display": "Bakker"}), ""),
        ({"resourceType": "RelatedPerson", "patient": {"reference": "Patient/bakker"}}, ""),
    ],
)
def test_a_representative(resource: dict[str, Any], expected: str) -> None:
    assert represents(resource, KINDS, AT) == expected


def mandate(kind: Any = "written-mandate", **period: str) -> dict[str, Any]:
    parts = [{"url": "kind", "valueCode": kind}, *([{"url": "period", "valuePeriod": period}] if period else [])]
    return {"url": f"{OWN}/StructureDefinition/mandate", "extension": parts}


def person(*extensions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/p"}, "extension": list(extensions), **more}


@pytest.mark.parametrize(
    "known",
    [
        person(mandate()),
        person(mandate("legal-representative")),
        person(mandate("informal", start="2026-06-01")),
        person(mandate(end="2026-06-01")),
        person(mandate("cousin"), mandate()),
        person(mandate(), active=True, period={"start": "2026"}, patient={"reference": f"{BASE}/Patient/p"}),
    ],
)
def test_who_has_a_mandate(known: dict[str, Any]) -> None:
    assert represents(known, KINDS, NOW, BASE) == "Patient/p"


@pytest.mark.parametrize(
    "known",
    [
        person(),
        person(mandate("cousin")),
        person(mandate(None)),
        person({"url": f"{OWN}/StructureDefinition/mandate"}),
        person({**mandate(), "url": "https://x.example/mandate"}),
        person(mandate(end="2026-05-31")),
        person(mandate(start="2026-06-02")),
        person(mandate(end="soon")),
        person(mandate(), active=False),
        person(mandate(), period={"end": "2026-05-31"}),
        person(mandate(), patient={"reference": "Patient/q"}),
        person(mandate(), patient={"reference": "https://x.example/fhir/Patient/p"}),
    ],
)
def test_who_has_none(known: dict[str, Any]) -> None:
    assert represents(known, KINDS, NOW, BASE) != "Patient/p"
