"""Whether a code is in a value set: yes, no, or that it cannot be told from what is here."""

from pathlib import Path
from typing import Any

import pytest
from packages import OURS, Json, errors, profile, profiles_of, warnings

from fhir_server.validation.packaged.codes import Codes

SETS = "https://packages.example/ValueSet/"
SYSTEM = "https://packages.example/CodeSystem/colours"
SNOMED = "http://snomed.info/sct"


def value_set(name: str, *include: Json, exclude: tuple[Json, ...] = (), **more: Any) -> Json:
    compose = {"include": list(include)} | ({"exclude": list(exclude)} if exclude else {})
    return {"resourceType": "ValueSet", "url": SETS + name, "status": "active"} | ({"compose": compose} if include else {}) | more


def these(system: str, *codes: str) -> Json:
    return {"system": system, "concept": [{"code": code} for code in codes]}


COLOURS: Json = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "status": "active",
    "content": "complete",
    "concept": [{"code": "red", "concept": [{"code": "pink"}]}, {"code": "blue"}],
}
DEFINED = [
    COLOURS,
    value_set("listed", these(SNOMED, "1", "2")),
    value_set("whole", {"system": SYSTEM}),
    value_set("absent", {"system": "https://packages.example/CodeSystem/absent"}),
    value_set(
        "filtered", {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}, these(SYSTEM, "red")
    ),
    value_set("both", {"valueSet": [SETS + "listed", SETS + "filtered"]}),
    value_set("less", {"system": SYSTEM}, exclude=(these(SYSTEM, "pink"),)),
    value_set("unsure", {"system": SYSTEM}, exclude=({"valueSet": [SETS + "absent"]}, {"system": SYSTEM, "filter": []})),
    value_set("ring", {"valueSet": [SETS + "ring"]}, {"valueSet": [SETS + "ring", SETS + "listed"]}),
    value_set("empty"),
    value_set(
        "expanded", expansion={"contains": [{"system": SYSTEM, "code": "red", "contains": [{"system": SYSTEM, "code": "pink"}]}]}
    ),
    value_set("genders", {"valueSet": ["http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"]}),
    value_set("statuses", {"system": "http://hl7.org/fhir/task-status"}),
]


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Codes:
    return profiles_of(tmp_path_factory.mktemp("codes"), DEFINED).codes


@pytest.mark.parametrize(
    ("name", "system", "code", "answer"),
    [
        ("listed", SNOMED, "1", True),
        ("listed", SNOMED, "3", False),
        ("listed", SYSTEM, "1", False),
        ("listed", None, "2", True),
        ("whole", SYSTEM, "pink", True),
        ("whole", SYSTEM, "green", False),
        ("absent", "https://packages.example/CodeSystem/absent", "a", None),
        ("absent", SYSTEM, "a", False),
        ("filtered", SNOMED, "1", None),
        ("filtered", SYSTEM, "red", True),
        ("filtered", SYSTEM, "blue", False),
        ("filtered", None, "blue", None),
        ("both", SNOMED, "1", None),
        ("both", SNOMED, "3", False),
        ("both", SYSTEM, "red", False),
        ("less", SYSTEM, "pink", False),
        ("less", SYSTEM, "red", True),
        ("unsure", SYSTEM, "red", None),
        ("ring", SNOMED, "1", None),
        ("empty", SNOMED, "1", None),
        ("nowhere", SNOMED, "1", None),
        ("expanded", SYSTEM, "pink", True),
        ("expanded", SYSTEM, "blue", False),
        ("genders", None, "female", True),
        ("genders", None, "vrouw", False),
        ("statuses", None, "requested", True),
        ("statuses", None, "asked", False),
    ],
)
def test_membership(codes: Codes, name: str, system: str | None, code: str, answer: bool | None) -> None:  # noqa: FBT001
    assert codes.membership(SETS + name)(system, code) is answer


def test_a_required_binding(tmp_path: Path) -> None:
    def bound(path: str, name: str, strength: str = "required") -> Json:
        return {"path": path, "binding": {"strength": strength, "valueSet": SETS + name}}

    elements = [
        bound("Observation.code", "listed"),
        bound("Observation.category", "absent"),
        bound("Observation.method", "listed", "extensible"),
    ]
    profiles = profiles_of(tmp_path, [*DEFINED, profile("p", "Observation", *elements)])

    def found(code: Json, **more: Json | list[Json]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        resource = {"resourceType": "Observation", "status": "final", "code": code} | more
        issues = profiles.examine(resource, [OURS + "p"])
        return errors(issues), warnings(issues)

    wrong = {("profile-not-in-value-set", "Observation.code")}
    other, right = {"system": SNOMED, "code": "9"}, {"system": SNOMED, "code": "1"}
    assert found({"coding": [other, right]}) == (set(), set())
    assert found({"coding": [other]}, method={"coding": [other]}) == (wrong, set())
    assert found({"text": "only words"}) == (wrong, set())
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert found({"extension": [absent]}) == (set(), set())
    assert found({"coding": [{"extension": [absent]}]}) == (set(), set())
    assert found({"coding": [{"system": SNOMED, "_code": {"extension": [absent]}}]}) == (set(), set())
    unknown = {"coding": [{"system": "https://packages.example/CodeSystem/absent", "code": "a"}]}
    assert found({"coding": [right]}, category=[unknown]) == (set(), {("profile-unchecked", "Observation.category[0]")})
