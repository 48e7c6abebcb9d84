"""The national examples are valid by their profiles, and no longer so once something in them is changed."""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from packages import Json, errors

from fhir_server.validation import validate
from fhir_server.validation.packaged.engine import Profiles
from fhir_server.validation.packaged.inside import claims

Change = Callable[[Json], Any]
PATIENT, PRESSURE, PROBLEM = "nl-core-Patient-01", "nl-core-BloodPressure-01", "nl-core-Problem-01"
SNOMED = "http://snomed.info/sct"


def faults(profiles: Profiles, resource: Json) -> set[tuple[str, str]]:
    """Return what ``$validate`` finds: R4 first, the profiles where that is right."""
    return errors(validate(resource)) or errors(profiles.examine(resource, claims(resource)))


def test_the_examples_are_valid(profiles: Profiles, examples: Mapping[str, Json]) -> None:
    found = {name: faults(profiles, each) for name, each in examples.items()}
    assert {name: told for name, told in found.items() if told} == {}
    assert len(found) >= 160
    known = [url for each in examples.values() for url in claims(each) if profiles.knows(url)]
    assert len(known) >= 150
    assert {made for made in map(profiles.made, known) if isinstance(made, str)} == set()


def duplicate(holder: list[Any], index: int = 0) -> None:
    holder.append(deepcopy(holder[index]))


CHANGES: list[tuple[str, Change, tuple[str, str]]] = [
    (PATIENT, lambda one: one.update(gender="mevrouw"), ("not-in-value-set", "Patient.gender")),
    (PATIENT, lambda one: one.update(birthDate="1934-02-30"), ("bad-format", "Patient.birthDate")),
    (PATIENT, lambda one: one.update(colour="blue"), ("unknown-element", "Patient.colour")),
    (PATIENT, lambda one: one["telecom"].append({"value": "06"}), ("cpt-2", "Patient.telecom[2]")),
    (
        PATIENT,
        lambda one: one["name"][0]["_given"][1].update(
            extension=[{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueString": "BR"}]
        ),
        ("profile-choice-type", "Patient.name[0].given[1].extension[0].value"),
    ),
    (
        PATIENT,
        lambda one: one["extension"][0]["extension"][0].update(url="period"),
        ("profile-choice-type", "Patient.extension[0].extension[0].value"),
    ),
    (
        PATIENT,
        lambda one: one["extension"].append(
            {"url": "http://nictiz.nl/fhir/StructureDefinition/ext-CopyIndicator", "valueBoolean": True}
        ),
        ("extension-place", "Patient.extension[1]"),
    ),
    (
        PATIENT,
        lambda one: [duplicate(one["name"]) for _ in range(2)],
        ("profile-cardinality-max", "Patient.name"),
    ),
    (
        PATIENT,
        lambda one: one["name"][0]["_family"]["extension"].pop(1),
        ("profile-invariant", "Patient.name[0]"),
    ),
    (PRESSURE, lambda one: one.update(status="ready"), ("not-in-value-set", "Observation.status")),
    (PRESSURE, lambda one: one["code"]["coding"][0].update(code="29463-7"), ("profile-pattern", "Observation.code")),
    (PRESSURE, lambda one: one["component"].pop(0), ("profile-cardinality-min", "Observation.component")),
    (PRESSURE, lambda one: duplicate(one["component"]), ("profile-cardinality-max", "Observation.component")),
    (PRESSURE, lambda one: one.pop("category"), ("profile-cardinality-min", "Observation.category")),
    (PRESSURE, lambda one: one.pop("effectiveDateTime"), ("profile-cardinality-min", "Observation.effective")),
    (PRESSURE, lambda one: one.update(effectiveDateTime="2013-02"), ("profile-invariant", "Observation.effective")),
    (
        PRESSURE,
        lambda one: one["subject"].update(reference="Group/1", type="Group"),
        ("profile-reference-target", "Observation.subject"),
    ),
    (
        PRESSURE,
        lambda one: one["component"][1]["valueQuantity"].update(code="kPa"),
        ("profile-pattern", "Observation.component[1].value"),
    ),
    (
        PROBLEM,
        lambda one: one["verificationStatus"]["coding"].append({"system": SNOMED, "code": "410605003"}),
        ("profile-cardinality-max", "Condition.verificationStatus.coding"),
    ),
    (
        PROBLEM,
        lambda one: one["verificationStatus"]["coding"].pop(),
        ("profile-cardinality-min", "Condition.verificationStatus.coding"),
    ),
    (PROBLEM, lambda one: one.pop("subject"), ("cardinality-min", "Condition.subject")),
    (PROBLEM, lambda one: duplicate(one["category"]), ("profile-cardinality-max", "Condition.category")),
]


@pytest.mark.parametrize(("example", "change", "expected"), CHANGES, ids=[f"{each[0]}-{each[2]}" for each in CHANGES])
def test_a_change_is_found(
    profiles: Profiles, examples: Mapping[str, Json], example: str, change: Change, expected: tuple[str, str]
) -> None:
    changed = deepcopy(examples[example])
    change(changed)
    assert expected in faults(profiles, changed)


def test_an_unknown_modifier_extension_is_found_in_each(profiles: Profiles, examples: Mapping[str, Json]) -> None:
    for name, each in examples.items():
        changed = each | {"modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]}
        assert {code for code, _ in faults(profiles, changed)} & {"modifier-extension-unknown"}, name


def test_an_extension_of_another_type_is_found_in_each(profiles: Profiles, examples: Mapping[str, Json]) -> None:
    changed = 0
    for name, each in examples.items():
        copied = deepcopy(each)
        for extension in valued(copied):
            if profiles.knows(str(extension.get("url"))) and "valueBase64Binary" not in extension:
                key = next(key for key in extension if key.startswith("value"))
                del extension[key]
                extension["valueBase64Binary"] = "AAAA"
                changed += 1
                assert "profile-choice-type" in {code for code, _ in faults(profiles, copied)}, (name, extension["url"])
                break
    assert changed > 40


def valued(value: Any) -> Iterator[Json]:
    """Yield the extensions with a value."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from valued(each)
    if isinstance(value, dict) and "url" in value and any(re.match("value[A-Z]", key) for key in value):
        yield value


def test_what_a_profile_requires_is_missed_in_each(profiles: Profiles, examples: Mapping[str, Json]) -> None:
    changed = 0
    for name, each in examples.items():
        for key in required(profiles, each):
            changed += 1
            left = {one: value for one, value in each.items() if one != key}
            stem = re.sub(r"(?<=[a-z])(DateTime|Period|Quantity|CodeableConcept|Reference|String)$", "", key)
            places = {place for _, place in faults(profiles, left)}
            assert any(place.startswith((f"{each['resourceType']}.{key}", f"{each['resourceType']}.{stem}")) for place in places), (
                name
            )
    assert changed >= 40


def required(profiles: Profiles, resource: Json) -> Iterator[str]:
    """Yield the members of ``resource`` of which a profile that it claims demands one, going by the differentials alone."""
    for url in claims(resource):
        definition = profiles.canonicals.structure_definition(url)
        while definition is not None:
            for each in definition["differential"]["element"]:
                _, _, name = each["path"].partition(".")
                if each.get("min") and ":" not in each["id"] and name.removesuffix("[x]") in {*resource, *stems(resource)}:
                    yield from (key for key in resource if key == name or (name.endswith("[x]") and key.startswith(name[:-3])))
            definition = profiles.canonicals.structure_definition(definition["baseDefinition"])


def stems(resource: Json) -> set[str]:
    return {re.sub(r"[A-Z][A-Za-z]*$", "", key) for key in resource}
