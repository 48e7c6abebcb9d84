"""FHIRPath Patch: each operation, each kind of path and value, and what is refused."""

from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.patch.fhirpath_patch import MOST_OPERATIONS, apply, operations
from fhir_server.validation import validate

URL = "http://example.org/wens"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "extension": [{"url": URL, "valueString": "thee"}, {"url": "http://example.org/ander", "valueBoolean": True}],
    "active": True,
    "name": [
        {"use": "official", "family": "Proef", "given": ["Ada", "Bo"], "_given": [None, {"id": "b"}]},
        {"use": "nickname", "given": ["Cé"]},
    ],
    "telecom": [
        {"system": "phone", "value": "1", "rank": 1, "period": {"start": "2020"}},
        {"system": "phone", "value": "2"},
        {"system": "email", "value": "a@example.org"},
    ],
    "deceasedBoolean": False,
    "birthDate": "1950-01-01",
    "_birthDate": {"extension": [{"url": URL, "valueString": "ochtend"}]},
    "contact": [{"gender": "female", "name": {"text": "Zus"}}],
    "managingOrganization": {"reference": "#o"},
    "contained": [{"resourceType": "Organization", "id": "o", "active": True, "name": "Wijk"}],
}


def operation(type_: str, path: str, *parts: dict[str, Any], **named: Any) -> dict[str, Any]:
    """Build one operation; ``named``: index, source and destination as numbers, name as a string, value as the rest of the part."""
    found = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}, *parts]
    for name, value in named.items():
        sent = {"valueInteger": value} if isinstance(value, int) else {"valueString": value} if isinstance(value, str) else value
        found.append({"name": name, **sent})
    return {"name": "operation", "part": found}


def parameters(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(steps)}


def patched(*steps: dict[str, Any], resource: dict[str, Any] = PATIENT) -> dict[str, Any]:
    before, sent = deepcopy(resource), deepcopy(steps)
    result = apply(operations(parameters(*steps)), resource)
    assert (resource, steps) == (before, sent), "neither the resource nor the patch is changed"
    assert [each.text for each in validate(result) if each.severity == "error"] == []
    return result


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PATIENT.items() if key.lstrip("_") != name}


def test_add_an_element_that_is_not_there() -> None:
    assert patched(operation("add", "Patient", name="gender", value={"valueCode": "other"})) == {**PATIENT, "gender": "other"}


def test_add_to_the_end_of_a_list() -> None:
    new = {"valueHumanName": {"family": "Nieuw"}}
    assert patched(operation("add", "Patient", name="name", value=new))["name"] == [*PATIENT["name"], {"family": "Nieuw"}]


def test_add_to_one_of_a_list() -> None:
    result = patched(operation("add", "Patient.name[1]", name="given", value={"valueString": "Dé"}))
    assert result["name"][1] == {"use": "nickname", "given": ["Cé", "Dé"]}


def test_add_beside_a_primitive_with_an_id() -> None:
    result = patched(operation("add", "name.first()", name="given", value={"valueString": "Dé"}))
    assert (result["name"][0]["given"], result["name"][0]["_given"]) == (["Ada", "Bo", "Dé"], [None, {"id": "b"}, None])


def test_add_a_choice_takes_the_type_of_the_value() -> None:
    start = without("deceasedBoolean")
    result = patched(operation("add", "Patient", name="deceased", value={"valueDateTime": "2026"}), resource=start)
    assert result["deceasedDateTime"] == "2026"


def test_add_an_anonymous_element_by_its_parts() -> None:
    parts = [
        {"name": "name", "valueHumanName": {"text": "Buur"}},
        {"name": "relationship", "valueCodeableConcept": {"text": "buur"}},
        {"name": "relationship", "valueCodeableConcept": {"text": "vriend"}},
        {"name": "gender", "valueCode": "male"},
    ]
    result = patched(operation("add", "Patient", name="contact", value={"part": parts}))
    assert result["contact"][1] == {
        "name": {"text": "Buur"},
        "relationship": [{"text": "buur"}, {"text": "vriend"}],
        "gender": "male",
    }


def test_add_an_extension_by_its_parts() -> None:
    parts = [{"name": "url", "valueUri": URL}, {"name": "value", "valueDecimal": Decimal("1.00")}]
    extension = patched(operation("add", "Patient.name[0]", name="extension", value={"part": parts}))["name"][0]["extension"]
    assert extension == [{"url": URL, "valueDecimal": Decimal("1.00")}]
    assert str(extension[0]["valueDecimal"]) == "1.00"


def test_add_an_extension_to_a_primitive() -> None:
    parts = [{"name": "url", "valueUri": URL}, {"name": "value", "valueCode": "x"}]
    step = operation("add", "Patient.name[0].given[0]", name="extension", value={"part": parts})
    name = patched(step)["name"][0]
    assert (name["given"], name["_given"]) == (["Ada", "Bo"], [{"extension": [{"url": URL, "valueCode": "x"}]}, {"id": "b"}])


def test_add_a_primitive_with_an_extension() -> None:
    value = {"valueCode": "other", "_valueCode": {"id": "g"}}
    result = patched(operation("add", "Patient", name="gender", value=value))
    assert (result["gender"], result["_gender"]) == ("other", {"id": "g"})


def test_add_a_contained_resource() -> None:
    doctor = {"resourceType": "Practitioner", "id": "d", "active": True}
    result = patched(
        operation("add", "Patient", name="contained", value={"resource": doctor}),
        operation("add", "Patient", name="generalPractitioner", value={"valueReference": {"reference": "#d"}}),
    )
    assert result["contained"] == [*PATIENT["contained"], doctor]


@pytest.mark.parametrize(("index", "expected"), [(0, "n12e"), (1, "1n2e"), (3, "12en")])
def test_insert_at_an_index(index: int, expected: str) -> None:
    new = {"valueContactPoint": {"system": "phone", "value": "n"}}
    result = patched(operation("insert", "Patient.telecom", index=index, value=new))
    assert "".join(each["value"].replace("a@example.org", "e") for each in result["telecom"]) == expected


def test_insert_into_a_list_of_primitives_moves_what_belongs_to_them() -> None:
    name = patched(operation("insert", "Patient.name[0].given", index=1, value={"valueString": "Nu"}))["name"][0]
    assert (name["given"], name["_given"]) == (["Ada", "Nu", "Bo"], [None, None, {"id": "b"}])


def test_insert_into_an_empty_list() -> None:
    step = operation("insert", "Patient.address", index=0, value={"valueAddress": {"city": "Ons Dorp"}})
    assert patched(step)["address"] == [{"city": "Ons Dorp"}]


@pytest.mark.parametrize(
    "path",
    [
        "Patient.telecom[1]",
        "telecom[1]",
        "Patient.telecom.where(value='2')",
        "Patient.telecom.where(system = 'phone' and value = '2')",
        "Patient.telecom.where(system='phone').last()",
        "Patient.telecom.where(system='phone')[1]",
    ],
)
def test_delete_one_of_a_list(path: str) -> None:
    assert patched(operation("delete", path))["telecom"] == [PATIENT["telecom"][0], PATIENT["telecom"][2]]


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("Patient.birthDate", without("birthDate")),
        ("Patient.deceased", without("deceasedBoolean")),
        ("Patient.deceased.ofType(boolean)", without("deceasedBoolean")),
        ("Patient.contact", without("contact")),
        ("Patient.contact.gender", {**PATIENT, "contact": [{"name": {"text": "Zus"}}]}),
        (
            "Patient.telecom.period.start",
            {**PATIENT, "telecom": [{"system": "phone", "value": "1", "rank": 1}, *PATIENT["telecom"][1:]]},
        ),
        ("Patient.birthDate.extension", {key: value for key, value in PATIENT.items() if key != "_birthDate"}),
        (f"Patient.extension('{URL}')", {**PATIENT, "extension": PATIENT["extension"][1:]}),
        ("Patient.extension.where(value = true)", {**PATIENT, "extension": PATIENT["extension"][:1]}),
        (
            "Patient.contained.where(id='o').active",
            {**PATIENT, "contained": [{"resourceType": "Organization", "id": "o", "name": "Wijk"}]},
        ),
        ("Patient.contained.ofType(Location)", PATIENT),
        ("Patient.gender", PATIENT),
        ("Patient.name[7]", PATIENT),
        ("Patient.deceased.ofType(dateTime)", PATIENT),
        ("Patient.telecom.where(rank = 2)", PATIENT),
        ("Patient.telecom.where(rank = true)", PATIENT),
    ],
)
def test_delete(path: str, left: dict[str, Any]) -> None:
    assert patched(operation("delete", path)) == left


@pytest.mark.parametrize("condition", ["rank = 1", "rank=1.0", "period.start = '2020'", "value='1' and rank=1"])
def test_conditions(condition: str) -> None:
    result = patched(operation("delete", f"Patient.telecom.where({condition})"))
    assert [each["value"] for each in result["telecom"]] == ["2", "a@example.org"]


def test_a_condition_on_the_element_itself_and_with_escapes() -> None:
    result = patched(operation("delete", "Patient.name.given.where($this = 'C\\u00e9')"))
    assert result["name"] == [PATIENT["name"][0], {"use": "nickname"}]


def test_replace_a_primitive() -> None:
    result = patched(operation("replace", "Patient.birthDate", value={"valueDate": "1951"}))
    assert result == {**without("birthDate"), "birthDate": "1951"}


def test_replace_one_of_a_list_of_primitives() -> None:
    name = patched(operation("replace", "Patient.name[0].given[1]", value={"valueString": "Bob"}))["name"][0]
    assert name == {"use": "official", "family": "Proef", "given": ["Ada", "Bob"]}


def test_replace_a_choice_by_another_type() -> None:
    result = patched(operation("replace", "Patient.deceased", value={"valueDateTime": "2026"}))
    assert result == {**without("deceasedBoolean"), "deceasedDateTime": "2026"}


def test_replace_the_value_of_an_extension() -> None:
    result = patched(operation("replace", f"Patient.extension('{URL}').value", value={"valueString": "koffie"}))
    assert result["extension"] == [{"url": URL, "valueString": "koffie"}, PATIENT["extension"][1]]


def test_replace_a_complex_element() -> None:
    parts = [{"name": "name", "valueHumanName": {"text": "Broer"}}]
    assert patched(operation("replace", "Patient.contact[0]", value={"part": parts}))["contact"] == [{"name": {"text": "Broer"}}]


@pytest.mark.parametrize(("source", "destination", "expected"), [(0, 2, "2a1"), (2, 0, "a12"), (1, 1, "12a"), (0, 1, "21a")])
def test_move(source: int, destination: int, expected: str) -> None:
    result = patched(operation("move", "Patient.telecom", source=source, destination=destination))
    assert "".join(each["value"][0] for each in result["telecom"]) == expected


def test_move_takes_along_what_belongs_to_a_primitive() -> None:
    name = patched(operation("move", "Patient.name[0].given", source=1, destination=0))["name"][0]
    assert (name["given"], name["_given"]) == (["Bo", "Ada"], [{"id": "b"}, None])


def test_operations_follow_each_other() -> None:
    result = patched(
        operation("delete", "Patient.telecom[0]"),
        operation("delete", "Patient.telecom[0]"),
        operation("add", "Patient.telecom", name="use", value={"valueCode": "home"}),
    )
    assert result["telecom"] == [{"system": "email", "value": "a@example.org", "use": "home"}]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(operation("add", "Patient.name", name="family", value={"valueString": "x"}), id="two targets"),
        pytest.param(operation("add", "Patient.address", name="city", value={"valueString": "x"}), id="no target"),
        pytest.param(operation("add", "Patient", name="active", value={"valueBoolean": True}), id="there already"),
        pytest.param(operation("add", "Patient", name="deceased", value={"valueDateTime": "2026"}), id="choice there already"),
        pytest.param(operation("add", "Patient", name="colour", value={"valueString": "x"}), id="no such element"),
        pytest.param(operation("add", "Patient", name="deceasedBoolean", value={"valueBoolean": True}), id="a choice by JSON name"),
        pytest.param(operation("add", "Patient", name="deceased", value={"valueString": "x"}), id="no type of the choice"),
        pytest.param(
            operation("add", "Patient", name="gender", value={"valueHumanName": {"text": "x"}}), id="complex for primitive"
        ),
        pytest.param(operation("add", "Patient", name="name", value={"valueString": "x"}), id="primitive for complex"),
        pytest.param(operation("add", "Patient", name="name", value={"valueAddress": {"city": "x"}}), id="another complex type"),
        pytest.param(
            operation("add", "Patient", name="contact", value={"part": [{"name": "colour", "valueString": "x"}]}), id="unknown part"
        ),
        pytest.param(
            operation("add", "Patient", name="contact", value={"part": [{"name": "gender", "valueCode": "male"}] * 2}),
            id="part twice",
        ),
        pytest.param(
            operation("insert", "Patient.telecom", index=4, value={"valueContactPoint": {"value": "x"}}), id="beyond the end"
        ),
        pytest.param(operation("insert", "Patient.name.given", index=0, value={"valueString": "x"}), id="two lists"),
        pytest.param(operation("insert", "Patient.telecom[0]", index=0, value={"valueContactPoint": {}}), id="no list's name"),
        pytest.param(operation("insert", "Patient.birthDate", index=0, value={"valueDate": "2026"}), id="no list"),
        pytest.param(operation("delete", "Patient.telecom"), id="delete several"),
        pytest.param(operation("delete", "Patient"), id="delete the resource"),
        pytest.param(operation("delete", "Patient.colour"), id="delete what R4 has not"),
        pytest.param(operation("delete", "Observation.status"), id="another type"),
        pytest.param(operation("replace", "Patient.gender", value={"valueCode": "male"}), id="nothing to replace"),
        pytest.param(operation("replace", "Patient.name.family.where($this='x')", value={"valueString": "y"}), id="none that fits"),
        pytest.param(operation("replace", "Patient.name", value={"valueHumanName": {"text": "x"}}), id="replace several"),
        pytest.param(operation("replace", "Patient", value={"resource": PATIENT}), id="replace the resource"),
        pytest.param(operation("move", "Patient.telecom", source=3, destination=0), id="source beyond the end"),
        pytest.param(operation("move", "Patient.telecom", source=0, destination=3), id="destination beyond the end"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_number(step: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match=r"^Operation 1 of the patch, (add|insert|delete|replace|move): "):
        patched(operation("delete", "Patient.contact"), step)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Patient.name.where(family.matches('(a+)+$'))",
        "Patient.descendants()",
        "Patient.name.resolve()",
        "Patient.name | Patient.telecom",
        "Patient.telecom.where(rank > 0)",
        "Patient.telecom.where(system='phone' or rank=1)",
        "Patient.name[-1]",
        "Patient.name[1.5]",
        "Patient.name[99999999999]",
        "Patient..name",
        "Patient.name.",
        "Patient.name.where(use='official'",
        "%resource.name",
        "'Patient'",
        "Patient.name.where(use='\\x')",
        "Patient.name.where(use='\\u12')",
        "Patient" + ".name" * 300,
    ],
)
def test_paths_beyond_the_subset_are_a_bad_request(path: str) -> None:
    with pytest.raises(BadRequest, match=r"^Operation 1 of the patch has a path "):
        patched(operation("delete", "Patient.contact"), {**operation("delete", "x"), "part": _parts(path)})


@given(
    st.lists(
        st.sampled_from(
            [
                "Patient",
                "name",
                "telecom",
                "value",
                ".",
                "[",
                "]",
                "0",
                "2",
                "(",
                ")",
                "where",
                "first",
                "ofType",
                "=",
                "'a'",
                " and ",
            ]
        ),
        max_size=12,
    )
)
def test_any_path_is_carried_out_or_refused(words: list[str]) -> None:
    with suppress(BadRequest, Unprocessable):
        made = apply(operations(parameters(operation("delete", "".join(words)))), PATIENT)
        assert made["resourceType"] == "Patient"


def _parts(path: str) -> list[dict[str, Any]]:
    return [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]


@pytest.mark.parametrize(
    "given",
    [
        {"resourceType": "Parameters"},
        parameters({"name": "op", "part": []}),
        parameters({"name": "operation"}),
        parameters(operation("append", "Patient")),
        parameters(operation("add", "Patient", name="gender")),
        parameters(operation("delete", "Patient.name", index=0)),
        parameters(operation("add", "Patient", name="gender", value={})),
        parameters(operation("add", "Patient", name="gender", value={"valueCode": "male", "valueString": "male"})),
        parameters(operation("add", "Patient", name="gender", value={"valueColour": "red"})),
        parameters(operation("add", "Patient", name="gender", value={"part": ["x"]})),
        parameters(operation("insert", "Patient.name", index=-1, value={"valueHumanName": {}})),
        parameters(operation("insert", "Patient.name", index="0", value={"valueHumanName": {}})),
        parameters(operation("delete", "Patient.name", {"name": "path", "valueString": "Patient.telecom"})),
        parameters(*[operation("delete", "Patient.name")] * (MOST_OPERATIONS + 1)),
    ],
)
def test_what_is_no_patch_is_a_bad_request(given: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        operations(given)


def test_errors_hold_no_values() -> None:
    with pytest.raises(Unprocessable) as refused:
        patched(operation("delete", "Patient.name.where(family='Proef').given"))
    assert "Proef" not in refused.value.text


def test_extensions_in_extensions_do_not_nest_without_bound() -> None:
    tower: list[dict[str, Any]] = [{"name": "url", "valueUri": URL}]
    for _ in range(39):
        tower = [{"name": "url", "valueUri": URL}, {"name": "extension", "part": tower}]
    paths = [".".join(["Basic", *["extension"] * deep]) for deep in (0, 40, 66)]
    steps = [operation("add", path, name="extension", value={"part": tower}) for path in paths]
    basic = {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}
    assert apply(operations(parameters(*steps[:2])), basic)["extension"]
    with pytest.raises(Unprocessable, match="deeper"):
        patched(*steps, resource=basic)


def test_work_beyond_measure_is_refused_at_once() -> None:
    many = {**PATIENT, "telecom": [{"system": "phone", "value": str(number)} for number in range(10_000)]}
    path = "Patient.telecom" + ".where(system='phone')" * 40 + ".where(value='7')"
    with pytest.raises(Unprocessable, match="too much work"):
        apply(operations(parameters(operation("delete", path))), many)
    assert len(patched(operation("delete", "Patient.telecom.where(value='7')"), resource=many)["telecom"]) == 9_999
