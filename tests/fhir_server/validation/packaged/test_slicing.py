"""Slices are told apart by every kind of discriminator, and what is in one must be as the slice says."""

from pathlib import Path
from typing import Any

import pytest
from packages import CORE, OURS, Json, errors, profile, profiles_of, warnings

MIN, MAX, SLICING = "profile-cardinality-min", "profile-cardinality-max", "profile-slicing"
OBSERVATION: Json = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
PATIENT: Json = {"resourceType": "Patient"}


def sliced(path: str, *discriminators: tuple[str, str], rules: str = "open", **more: Any) -> Json:
    by = [{"type": kind, "path": each} for kind, each in discriminators]
    return {"path": path, "slicing": {"discriminator": by, "rules": rules} | more}


def piece(path: str, name: str, **says: Any) -> Json:
    return {"path": path, "sliceName": name, **says}


def inside(slice_: str, path: str, **says: Any) -> Json:
    """Return what is said of ``path`` below the slice ``slice_`` ("Patient.name:official")."""
    return {"id": slice_ + path, "path": slice_.partition(":")[0] + path, **says}


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Return what looks at a resource by a profile made of elements: its errors."""

    def look(resource: Json, *elements: Json, others: tuple[Json, ...] = ()) -> set[tuple[str, str]]:
        made = profile("p", resource["resourceType"], *elements)
        return errors(profiles_of(tmp_path, [made, *others]).examine(resource, [OURS + "p"]))

    return look


def named(*uses: str) -> Json:
    return PATIENT | {"name": [{"use": use, "family": "A"} if use else {"family": "A"} for use in uses]}


OFFICIAL = (
    sliced("Patient.name", ("value", "use")),
    piece("Patient.name", "official", min=1, max="1"),
    inside("Patient.name:official", ".use", fixedCode="official"),
    inside("Patient.name:official", ".text", min=1),
)


def test_by_a_value(found: Any) -> None:
    whole = named("official", "usual")
    assert found(whole, *OFFICIAL) == {(MIN, "Patient.name[0].text")}
    assert found(named("usual"), *OFFICIAL) == {(MIN, "Patient.name")}
    assert found(named(), *OFFICIAL) == {(MIN, "Patient.name")}
    twice = {(MAX, "Patient.name"), (MIN, "Patient.name[0].text"), (MIN, "Patient.name[2].text")}
    assert found(named("official", "", "official"), *OFFICIAL) == twice


def test_closed_and_ordered(found: Any) -> None:
    def by_use(**says: Any) -> tuple[Json, ...]:
        pairs = [
            (piece("Patient.name", use), inside(f"Patient.name:{use}", ".use", fixedCode=use)) for use in ("official", "usual")
        ]
        return sliced("Patient.name", ("value", "use"), **says), *(each for pair in pairs for each in pair)

    assert found(named("official", "old"), *by_use(rules="closed")) == {(SLICING, "Patient.name[1]")}
    assert found(named("usual", "official"), *by_use(rules="closed")) == set()
    assert found(named("usual", "official"), *by_use(rules="closed", ordered=True)) == {(SLICING, "Patient.name")}
    assert found(named("official", "usual"), *by_use(rules="closed", ordered=True)) == set()


def coding(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": "D"}]}


@pytest.mark.parametrize("kind", ["pattern", "value"])
def test_by_a_pattern(found: Any, kind: str) -> None:
    says = (
        sliced("Observation.category", (kind, "$this")),
        piece("Observation.category", "lab", min=1, max="1", patternCodeableConcept={"coding": [{"system": "s:s", "code": "lab"}]}),
    )
    assert found(OBSERVATION | {"category": [coding("s:s", "lab"), coding("s:s", "b")]}, *says) == set()
    assert found(OBSERVATION | {"category": [coding("t:t", "lab")]}, *says) == {(MIN, "Observation.category")}
    twice = OBSERVATION | {"category": [coding("s:s", "lab"), coding("s:s", "lab")]}
    assert found(twice, *says) == {(MAX, "Observation.category")}


def test_by_several_values_below(found: Any) -> None:
    says = (
        sliced("Observation.category", ("value", "coding.code"), ("value", "coding.system")),
        piece("Observation.category", "lab", min=1),
        inside("Observation.category:lab", ".coding.code", fixedCode="lab"),
        inside("Observation.category:lab", ".coding.system", fixedUri="s:s"),
    )
    assert found(OBSERVATION | {"category": [coding("s:s", "lab")]}, *says) == set()
    assert found(OBSERVATION | {"category": [coding("t:t", "lab")]}, *says) == {(MIN, "Observation.category")}


def test_by_what_exists(found: Any) -> None:
    says = (
        sliced("Patient.telecom", ("exists", "period")),
        piece("Patient.telecom", "past", max="1"),
        inside("Patient.telecom:past", ".period", min=1),
        piece("Patient.telecom", "present", max="1"),
        inside("Patient.telecom:present", ".period", max="0"),
    )
    past, present = {"period": {"end": "2020"}}, {"rank": 1}
    assert found(PATIENT | {"telecom": [past, present]}, *says) == set()
    assert found(PATIENT | {"telecom": [past, past, present]}, *says) == {(MAX, "Patient.telecom")}


def test_by_type(found: Any) -> None:
    says = (
        sliced("Observation.value[x]", ("type", "$this"), rules="closed"),
        piece("Observation.value[x]", "valueQuantity", type=[{"code": "Quantity"}]),
        {"id": "Observation.value[x]:valueQuantity.code", "path": "Observation.value[x].code", "min": 1},
    )
    assert found(OBSERVATION | {"valueQuantity": {"value": 1, "code": "mg"}}, *says) == set()
    assert found(OBSERVATION | {"valueQuantity": {"value": 1}}, *says) == {(MIN, "Observation.value.code")}
    assert found(OBSERVATION | {"valueString": "1"}, *says) == {(SLICING, "Observation.value")}


def test_a_type_may_stand_in_the_path(found: Any) -> None:
    says = (
        {"id": "Observation.valueQuantity", "path": "Observation.valueQuantity"},
        {"path": "Observation.valueQuantity.code", "min": 1},
    )
    assert found(OBSERVATION | {"valueQuantity": {"value": 1}}, *says) == {(MIN, "Observation.value.code")}
    assert found(OBSERVATION | {"valueString": "1"}, *says) == {("profile-choice-type", "Observation.value")}


def test_several_types_may_stand_in_paths(found: Any) -> None:
    says = (
        {"id": "Observation.valueString:valueString", "path": "Observation.valueString", "maxLength": 1},
        {"id": "Observation.valueQuantity:valueQuantity", "path": "Observation.valueQuantity"},
    )
    assert found(OBSERVATION | {"valueQuantity": {"value": 1}}, *says) == set()
    assert found(OBSERVATION | {"valueString": "12"}, *says) == {("profile-length", "Observation.value")}
    assert found(OBSERVATION | {"valueBoolean": True}, *says) == {("profile-choice-type", "Observation.value")}


PHONE = profile("phone", "ContactPoint", {"path": "ContactPoint.system", "min": 1, "fixedCode": "phone"}, kind="complex-type")


def test_by_a_profile(found: Any) -> None:
    says = (
        sliced("Patient.telecom", ("profile", "$this")),
        piece("Patient.telecom", "phone", max="1", type=[{"code": "ContactPoint", "profile": [OURS + "phone"]}]),
    )
    phone, mail = {"system": "phone", "value": "1"}, {"system": "email", "value": "a@b.example"}
    assert found(PATIENT | {"telecom": [phone, mail, mail]}, *says, others=(PHONE,)) == set()
    assert found(PATIENT | {"telecom": [phone, mail, phone]}, *says, others=(PHONE,)) == {(MAX, "Patient.telecom")}


def test_by_the_profile_of_what_is_referred_to(found: Any) -> None:
    whole = profile("named", "Practitioner", {"path": "Practitioner.name", "min": 1})
    says = (
        sliced("Patient.generalPractitioner", ("profile", "resolve()")),
        piece("Patient.generalPractitioner", "named", max="1", type=[{"code": "Reference", "targetProfile": [OURS + "named"]}]),
    )
    inner = [{"resourceType": "Practitioner", "id": "a", "name": [{"text": "A"}]}, {"resourceType": "Practitioner", "id": "b"}]
    refer = [{"reference": "#a"}, {"reference": "#b"}, {"reference": "#b"}]
    assert found(PATIENT | {"contained": inner, "generalPractitioner": refer}, *says, others=(whole,)) == set()
    two = PATIENT | {"contained": inner, "generalPractitioner": [*refer, {"reference": "#a"}]}
    assert found(two, *says, others=(whole,)) == {(MAX, "Patient.generalPractitioner")}


def test_what_does_not_resolve_cannot_be_told_apart(tmp_path: Path) -> None:
    named_ = profile("named", "Practitioner", {"path": "Practitioner.name", "min": 1})
    type_ = [{"code": "Reference", "targetProfile": [OURS + "named"]}]
    by = sliced("Patient.generalPractitioner", ("profile", "resolve()"), rules="closed")
    made = profile("p", "Patient", by, piece("Patient.generalPractitioner", "named", min=1, max="1", type=type_))
    profiles = profiles_of(tmp_path, [made, named_])
    elsewhere = PATIENT | {"generalPractitioner": [{"reference": "Practitioner/1"}, {"reference": "Practitioner/2"}]}
    issues = profiles.examine(elsewhere, [OURS + "p"])
    assert (errors(issues), warnings(issues)) == (set(), {("profile-unchecked", "Patient.generalPractitioner")})
    other = PATIENT | {"generalPractitioner": [{"reference": "Organization/1"}]}
    place = "Patient.generalPractitioner"
    assert errors(profiles.examine(other, [OURS + "p"])) == {(MIN, place), (SLICING, place + "[0]")}


def test_by_an_extension(found: Any) -> None:
    flag = extension("flag", "boolean")
    says = (
        sliced("Patient.name", ("exists", f"extension('{OURS}flag')")),
        piece("Patient.name", "flagged", max="1"),
        piece("Patient.name.extension", "flag", type=[{"code": "Extension", "profile": [OURS + "flag"]}], min=1)
        | {"id": "Patient.name:flagged.extension:flag"},
    )
    flagged = {"family": "A", "extension": [{"url": OURS + "flag", "valueBoolean": True}]}
    assert found(PATIENT | {"name": [flagged, {"family": "B"}]}, *says, others=(flag,)) == set()
    assert found(PATIENT | {"name": [flagged, flagged]}, *says, others=(flag,)) == {(MAX, "Patient.name")}


def extension(name: str, type_: str) -> Json:
    says: tuple[Json, ...] = (
        {"path": "Extension.url", "fixedUri": OURS + name},
        {"path": "Extension.value[x]", "min": 1, "type": [{"code": type_}]},
    )
    return profile(name, "Extension", *says, kind="complex-type", context=[{"type": "element", "expression": "HumanName"}])


def test_extensions_need_no_slicing_to_be_slices(found: Any) -> None:
    type_ = [{"code": "Extension", "profile": [OURS + "flag"]}]
    says = (piece("Patient.name.extension", "flag", min=1, type=type_) | {"id": "Patient.name.extension:flag"},)
    assert found(named(""), *says, others=(extension("flag", "boolean"),)) == {(MIN, "Patient.name[0].extension")}
    flagged = PATIENT | {"name": [{"family": "A", "extension": [{"url": OURS + "flag", "valueBoolean": True}]}]}
    assert found(flagged, *says, others=(extension("flag", "boolean"),)) == set()


def test_slices_of_slices(found: Any) -> None:
    says = (
        sliced("Patient.identifier", ("value", "system")),
        piece("Patient.identifier", "ours"),
        inside("Patient.identifier:ours", ".system", fixedUri="s:s"),
        sliced("Patient.identifier", ("value", "use")) | {"id": "Patient.identifier:ours", "sliceName": "ours"},
        piece("Patient.identifier", "ours/old", max="1") | {"id": "Patient.identifier:ours/old"},
        {"id": "Patient.identifier:ours/old.use", "path": "Patient.identifier.use", "fixedCode": "old"},
    )
    ours, old, theirs = {"system": "s:s"}, {"system": "s:s", "use": "old"}, {"system": "t:t", "use": "old"}
    assert found(PATIENT | {"identifier": [ours, old, theirs, theirs]}, *says) == set()
    assert found(PATIENT | {"identifier": [ours, old, old]}, *says) == {(MAX, "Patient.identifier")}


def test_content_that_is_defined_elsewhere(found: Any) -> None:
    form = {"resourceType": "Questionnaire", "status": "draft"}
    says = ({"path": "Questionnaire.item.item.text", "min": 1},)
    inner = {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "display"}]}
    assert found(form | {"item": [inner]}, *says) == {(MIN, "Questionnaire.item[0].item[0].text")}


def test_what_profiles_above_say_counts_too(tmp_path: Path) -> None:
    first = profile("first", "Patient", *OFFICIAL)
    second = profile("second", "Patient", {"path": "Patient.name", "max": "2"}, base=OURS + "first")
    third = profile(
        "third",
        "Patient",
        inside("Patient.name:official", ".family", min=1) | {"path": "Patient.name.family"},
        base=OURS + "second",
    )
    profiles = profiles_of(tmp_path, [third, second, first])
    resource = PATIENT | {"name": [{"use": "official"}, {"text": "B"}, {"text": "C"}]}
    assert errors(profiles.examine(resource, [OURS + "third"])) == {
        (MAX, "Patient.name"),
        (MIN, "Patient.name[0].text"),
        (MIN, "Patient.name[0].family"),
    }


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (profile("p", "Patient", {"path": "Patient.colour", "min": 1}), "Patient.colour, which is not there"),
        (profile("p", "Patient", base=OURS + "p"), "derives from itself"),
        (profile("p", "Patient", base="https://x.example/absent"), "is not known here"),
        (profile("p", "Patient", derivation="specialization"), "type of its own"),
        (
            profile(
                "p",
                "Patient",
                sliced("Patient.name", ("value", "use.where(x)")),
                piece("Patient.name", "a", min=1),
            ),
            "no path of a discriminator",
        ),
        (profile("p", "Patient", {"path": 3, "id": "a"}), "without a path"),
        (profile("p", "Patient", {"path": "Patient.name", "min": "many"}), "no StructureDefinition"),
    ],
)
def test_a_profile_that_does_not_hold_together_is_named_and_not_used(tmp_path: Path, made: Json, said: str) -> None:
    issues = profiles_of(tmp_path, [made]).examine(PATIENT, [OURS + "p"])
    assert [(each.severity, each.detail) for each in issues] == [("warning", "profile-unchecked")]
    assert said in issues[0].text


def test_a_profile_of_r4_itself_can_be_asked_for(tmp_path: Path) -> None:
    issues = profiles_of(tmp_path, []).examine(OBSERVATION, [CORE + "bodyweight"])
    assert {(MIN, "Observation.subject"), (MIN, "Observation.category")} <= errors(issues)
