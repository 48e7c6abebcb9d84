"""The samples of the adapters, against what they must become."""

import importlib
import json
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import load
from mappings.bundle import collection

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDERS = {"gp/hl7v3": "gp_hl7v3", "homecare/fhir": "homecare_fhir", "pharmacy/hl7v3": "pharmacy_hl7v3"}
SAMPLES = [(adapter, file.stem) for adapter, folder in FOLDERS.items() for file in sorted((GOLDEN / folder).glob("*.json"))]


def sample(adapter: str, name: str) -> bytes:
    ending = "json" if adapter == "homecare/fhir" else "xml"
    return (files(f"adapters.{adapter.replace('/', '.')}") / "samples" / f"{name}.{ending}").read_bytes()


def expected(adapter: str, name: str) -> str:
    return (GOLDEN / FOLDERS[adapter] / f"{name}.json").read_text(encoding="utf-8")


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
    assert [name for adapter, name in SAMPLES if adapter == "pharmacy/hl7v3"] == ["batch-in-soap", "dispense-list", "nothing-found"]
    assert [name for adapter, name in SAMPLES if adapter == "gp/hl7v3"] == ["integrated-care", "nothing-found", "summary"]
    assert [name for adapter, name in SAMPLES if adapter == "homecare/fhir"] == ["nothing-found", "record"]


@pytest.mark.parametrize(("adapter", "name"), SAMPLES)
def test_golden(adapter: str, name: str) -> None:
    made = collection(load(adapter).translate(sample(adapter, name)).resources)
    assert written(made) == written(exact(expected(adapter, name)))


@pytest.mark.parametrize(("adapter", "name"), SAMPLES)
def test_the_same_bytes_give_the_same_result(adapter: str, name: str) -> None:
    first, second = (load(adapter).translate(sample(adapter, name)) for _ in range(2))
    assert first == second


def resources(adapter: str = "") -> list[dict[str, Any]]:
    wanted = [(each, name) for each, name in SAMPLES if adapter in ("", each)]
    return [entry["resource"] for each, name in wanted for entry in json.loads(expected(each, name)).get("entry", [])]


@pytest.mark.parametrize("resource", resources(), ids=lambda resource: f"{resource['resourceType']}-{resource['id'][:6]}")
def test_every_resource_can_be_built(resource: dict[str, Any]) -> None:
    module = importlib.import_module(f"fhir.resources.R4B.{resource['resourceType'].lower()}")
    made = getattr(module, resource["resourceType"]).model_validate(resource)
    assert made.id == resource["id"]


def test_every_reference_leads_somewhere() -> None:
    found = resources("gp/hl7v3") + resources("pharmacy/hl7v3")  # those of FHIR lead to what the source has besides
    addresses = {f"{resource['resourceType']}/{resource['id']}" for resource in found}
    contained = {f"#{part['id']}" for resource in found for part in resource.get("contained", [])}
    texts = json.dumps(found)
    references = {reference.split('"')[0] for reference in texts.split('"reference": "')[1:]}
    assert references
    assert references <= addresses | contained
    assert contained
    assert contained <= references


def test_every_resource_claims_its_profile() -> None:
    assert {resource["meta"]["profile"][0].rpartition("/")[2] for resource in resources("pharmacy/hl7v3")} == {
        "mp-AdministrationAgreement",
        "mp-PharmaceuticalProduct",
        "nl-core-HealthcareProvider-Organization",
        "nl-core-Patient",
    }


def test_the_bsn_of_the_samples_passes_the_eleven_test() -> None:
    for adapter, name in SAMPLES:
        for system, value in load(adapter).translate(sample(adapter, name)).about:
            if system != "http://fhir.nl/fhir/NamingSystem/bsn":
                assert adapter == "homecare/fhir"
                continue
            assert sum(int(digit) * weight for digit, weight in zip(value, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
