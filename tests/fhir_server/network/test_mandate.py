"""Who the dossier knows to have a mandate of the client."""

from typing import Any

import pytest
from consents import OWN

from fhir_server.network.mandate import acts_for
from fhir_server.search.values import instant

BASE = "https://hub.test/fhir"
NOW = instant("2026-06-01T10:00:00+02:00")


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
def test_who_acts_for_the_client(known: dict[str, Any]) -> None:
    assert acts_for(known, "Patient/p", NOW, BASE)


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
def test_who_does_not(known: dict[str, Any]) -> None:
    assert not acts_for(known, "Patient/p", NOW, BASE)
