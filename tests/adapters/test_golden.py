"""The samples of the pharmacy adapter, against what they must become."""

import importlib
import json
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import load
from mappings.bundle import collection

GOLDEN = Path(__file__).parents[1] / "golden" / "pharmacy_hl7v3"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))


def sample(name: str) -> bytes:
    return (files("adapters.pharmacy.hl7v3") / "samples" / f"{name}.xml").read_bytes()


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def written(value: object) -> object:
    """Make numbers comparable as they are written, so that 0.50 is not 0.5."""
    if isinstance(value, dict):
        return {name: written(part) for name, part in value.items()}
    if isinstance(value, list):
        return [written(part) for part in value]
    return f"number {value}" if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def test_there_are_samples() -> None:
    assert NAMES == ["batch-in-soap", "dispense-list", "nothing-found"]


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    expected = exact((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert written(collection(load("pharmacy/hl7v3").translate(sample(name)).resources)) == written(expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_give_the_same_result(name: str) -> None:
    first, second = (load("pharmacy/hl7v3").translate(sample(name)) for _ in range(2))
    assert first == second


def resources() -> list[dict[str, Any]]:
    return [
        entry["resource"]
        for name in NAMES
        for entry in json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")).get("entry", [])
    ]


@pytest.mark.parametrize("resource", resources(), ids=lambda resource: f"{resource['resourceType']}-{resource['id'][:6]}")
def test_every_resource_can_be_built(resource: dict[str, Any]) -> None:
    module = importlib.import_module(f"fhir.resources.R4B.{resource['resourceType'].lower()}")
    made = getattr(module, resource["resourceType"]).model_validate(resource)
    assert made.id == resource["id"]


def test_every_reference_leads_somewhere() -> None:
    found = resources()
    addresses = {f"{resource['resourceType']}/{resource['id']}" for resource in found}
    texts = json.dumps(found)
    references = set(texts.split('"reference": "')[1:])
    assert references
    assert {reference.split('"')[0] for reference in references} <= addresses


def test_every_resource_claims_its_profile() -> None:
    assert {resource["meta"]["profile"][0].rpartition("/")[2] for resource in resources()} == {
        "mp-AdministrationAgreement",
        "mp-PharmaceuticalProduct",
        "nl-core-HealthcareProvider-Organization",
        "nl-core-Patient",
    }


def test_the_bsn_of_the_samples_passes_the_eleven_test() -> None:
    for name in NAMES:
        for system, value in load("pharmacy/hl7v3").translate(sample(name)).about:
            assert system == "http://fhir.nl/fhir/NamingSystem/bsn"
            assert sum(int(digit) * weight for digit, weight in zip(value, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
