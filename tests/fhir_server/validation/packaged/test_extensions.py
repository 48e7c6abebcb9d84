"""Every extension is judged by its own definition, wherever it stands."""

from pathlib import Path
from typing import Any

import pytest
from packages import OURS, Json, errors, profile, profiles_of

from fhir_server.validation.packaged.engine import Profiles


def extension(name: str, *contexts: str, modifier: bool = False) -> Json:
    says: tuple[Json, ...] = (
        *(({"path": "Extension", "isModifier": True},) if modifier else ()),
        {"path": "Extension.url", "fixedUri": OURS + name},
        {"path": "Extension.value[x]", "min": 1, "type": [{"code": "string"}]},
    )
    context = [{"type": "element", "expression": each} for each in contexts]
    return profile(name, "Extension", *says, kind="complex-type", context=context)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Profiles:
    made = [
        extension("patient", "Patient"),
        extension("name", "HumanName", "Patient.contact"),
        extension("coding", "Observation.code", "Observation.component.code"),
        extension("anywhere", "Element"),
        extension("resource", "DomainResource"),
        extension("text", "string", "ContactPoint.value"),
        extension("choice", "Observation.value[x]", "Observation.effective"),
        extension("turned", "Patient", modifier=True),
    ]
    return profiles_of(tmp_path_factory.mktemp("extensions"), made)


def one(name: str, **value: Any) -> list[Json]:
    return [{"url": OURS + name, **(value or {"valueString": "x"})}]


PATIENT: Json = {"resourceType": "Patient"}
OBSERVATION: Json = {"resourceType": "Observation", "status": "final"}


@pytest.mark.parametrize(
    ("resource", "wrong"),
    [
        (PATIENT | {"extension": one("patient")}, ""),
        (PATIENT | {"name": [{"extension": one("patient")}]}, "Patient.name[0].extension[0]"),
        (PATIENT | {"name": [{"extension": one("name")}]}, ""),
        (PATIENT | {"contact": [{"extension": one("name"), "name": {"extension": one("name")}}]}, ""),
        (PATIENT | {"telecom": [{"extension": one("name")}]}, "Patient.telecom[0].extension[0]"),
        (OBSERVATION | {"code": {"extension": one("coding")}, "component": [{"code": {"extension": one("coding")}}]}, ""),
        (OBSERVATION | {"code": {"text": "a"}, "method": {"extension": one("coding")}}, "Observation.method.extension[0]"),
        (PATIENT | {"extension": one("anywhere"), "_gender": {"extension": one("anywhere")}}, ""),
        (PATIENT | {"extension": one("resource"), "contained": [PATIENT | {"extension": one("resource")}]}, ""),
        (PATIENT | {"name": [{"extension": one("resource")}]}, "Patient.name[0].extension[0]"),
        (PATIENT | {"name": [{"given": ["A"], "_given": [{"extension": one("text")}]}]}, ""),
        (PATIENT | {"telecom": [{"value": "1", "_value": {"extension": one("text")}}]}, ""),
        (PATIENT | {"_birthDate": {"extension": one("text")}}, "Patient.birthDate.extension[0]"),
        (OBSERVATION | {"code": {"text": "a"}, "valueQuantity": {"extension": one("choice")}}, ""),
        (OBSERVATION | {"code": {"text": "a"}, "_effectiveDateTime": {"extension": one("choice")}}, ""),
        (PATIENT | {"modifierExtension": one("turned")}, ""),
        (PATIENT | {"extension": one("turned")}, "Patient.extension[0]"),
        (PATIENT | {"modifierExtension": one("patient")}, "Patient.modifierExtension[0]"),
        (
            PATIENT | {"contained": [PATIENT | {"name": [{"extension": one("patient")}]}]},
            "Patient.contained[0].name[0].extension[0]",
        ),
        (PATIENT | {"extension": [{"url": "https://x.example/other", "valueBoolean": True}]}, ""),
    ],
)
def test_it_stands_where_it_may(profiles: Profiles, resource: Json, wrong: str) -> None:
    assert errors(profiles.examine(resource, [])) == ({("extension-place", wrong)} if wrong else set())


def test_its_value_is_what_it_says(profiles: Profiles) -> None:
    found = errors(profiles.examine(PATIENT | {"extension": one("patient", valueBoolean=True)}, []))
    assert found == {("profile-choice-type", "Patient.extension[0].value")}
    inner = {"url": OURS + "patient", "extension": one("anywhere")}
    assert errors(profiles.examine(PATIENT | {"extension": [inner]}, [])) == {
        ("profile-cardinality-min", "Patient.extension[0].value")
    }


def test_what_modifies_must_be_known(profiles: Profiles) -> None:
    unknown = PATIENT | {"contact": [{"modifierExtension": [{"url": "https://x.example/not", "valueBoolean": True}]}]}
    assert errors(profiles.examine(unknown, [])) == {("modifier-extension-unknown", "Patient.contact[0].modifierExtension[0]")}


def test_what_is_inside_is_judged_by_what_it_claims(tmp_path: Path) -> None:
    profiles = profiles_of(tmp_path, [profile("dated", "Patient", {"path": "Patient.birthDate", "min": 1})])
    claiming = PATIENT | {"meta": {"profile": [OURS + "dated", "https://x.example/other"]}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": claiming | {"contained": [claiming]}}]}
    place = "Bundle.entry[0].resource"
    assert errors(profiles.examine(bundle, [])) == {
        ("profile-cardinality-min", f"{place}.birthDate"),
        ("profile-cardinality-min", f"{place}.contained[0].birthDate"),
    }
    too_many = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": claiming}] * 60}
    assert len(profiles.examine(too_many, [])) == 50
