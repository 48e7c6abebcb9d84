"""The profile of a client's choice and its code systems: valid FHIR, and in step with the catalogue and the server."""

import json
from pathlib import Path
from typing import Any

import pytest

import profiles
from fhir_server.catalog import catalog
from fhir_server.network.consent_names import CANONICAL, MANDATE, PROFILE, category, names
from fhir_server.validation import check
from profiles.definitions import type_definition

FOLDER = Path(profiles.__file__).parent / "consent"
FILES = sorted(FOLDER.glob("*.json"))


def resource(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_valid_and_named_after_itself(path: Path) -> None:
    found = resource(path)
    check(found)
    assert path.stem == f"{found['resourceType']}-{found['id']}"
    assert found["url"].endswith(f"/{found['resourceType']}/{found['id']}")


def test_the_server_and_the_profile_use_the_same_urls() -> None:
    assert {PROFILE, MANDATE} <= {resource(path)["url"] for path in FILES}
    assert all(url.startswith(CANONICAL) for url in (PROFILE, MANDATE))


def test_every_element_of_the_profile_is_one_of_consent() -> None:
    elements = {each.path for group in type_definition("Consent").elements.values() for each in group}
    for each in resource(FOLDER / "StructureDefinition-network-consent.json")["differential"]["element"]:
        path = each["path"].replace("Consent.provision.provision.", "Consent.provision.")
        known = path in elements or path == "Consent" or path.rpartition(".")[0] in {"Consent.identifier", "Consent.verification"}
        assert known, each["path"]


def test_every_category_of_the_catalogue_can_be_chosen() -> None:
    for entry in catalog.load().types.values():
        if entry.category:
            assert category(entry.category).endswith(f"|{entry.category}")


def test_labels_are_in_order() -> None:
    assert names().labels == ("U", "L", "M", "N", "R", "V")
