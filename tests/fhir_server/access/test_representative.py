"""Whom a RelatedPerson represents."""

from typing import Any

import pytest

from fhir_server.access.representative import represents
from fhir_server.access.roles import load_roles
from fhir_server.catalog.catalog import load

KINDS = load_roles(load().types).representatives
AT = 1_780_000_000_000_000  # 2026-05-28


def related(code: str = "GUARD", **more: Any) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    relationship = [{"coding": [{"system": system, "code": code}]}]
    return {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/bakker"}, "relationship": relationship, **more}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (related(), "Patient/bakker"),
        (related("DAUC"), ""),
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
