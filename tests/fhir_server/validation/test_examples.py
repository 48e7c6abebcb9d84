"""What others published as valid R4 is valid here."""

from pathlib import Path

import pytest

from fhir_server.errors import Malformed
from fhir_server.model import json, xml
from fhir_server.validation import validate

UNSAFE_IMAGES = {"nl-core-TextResult.VisualResult-01.xml", "nl-core-TreatmentDirective2-01-Consent-01.xml"}


@pytest.mark.parametrize("folder", ["examples", "legacy-2024-wire-dump", "profiles", "valuesets", "extensions"])
def test_ozo_resources_are_valid(reference: Path, folder: str) -> None:
    files = sorted((reference / "ozo-ig" / folder).glob("*.json"))
    assert files
    assert {file.name: found for file in files if (found := validate(json.read(file.read_bytes()).resource))} == {}


def test_nictiz_examples_are_valid(reference: Path) -> None:
    files = sorted((reference / "nictiz/profiles/zib2020/examples").glob("*.xml"))
    assert files
    invalid, refused = {}, set()
    for file in files:
        try:
            invalid[file.name] = validate(xml.read(file.read_bytes()))
        except Malformed:
            refused.add(file.name)
    assert {name: found for name, found in invalid.items() if found} == {}
    assert refused <= UNSAFE_IMAGES


def test_valid_starting_points(
    patient: dict[str, object], observation: dict[str, object], task: dict[str, object], allergy: dict[str, object]
) -> None:
    assert [validate(each) for each in (patient, observation, task, allergy)] == [[], [], [], []]
