"""What ``_summary`` and ``_elements`` may be, and what they come to for each type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from fhir_server.model import json
from fhir_server.model.subset import WHOLE, Names, Summary
from fhir_server.search.subset import has, subset_of

WORDS = ("Patient", "Practitioner", "name", "family", "given", "gender", "extension", "value", "valueCode", "colour", "contained")
BODY = b'{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1941-03-05","name":[{"family":"V","given":["A"]}]}'


def test_nothing_asked_is_everything() -> None:
    for summary in ("", "false", "count"):
        assert subset_of(["Patient"], summary, ()).of(BODY, "Patient") is BODY  # type: ignore[arg-type] # of the choices


def test_a_summary_is_of_everything_and_elements_are_of_the_matches() -> None:
    assert subset_of(["Patient"], "true", ()).summary == Summary()
    elements = subset_of(["Patient"], "", ["gender"])
    assert b"birthDate" not in elements.of(BODY, "Patient")
    assert elements.of(BODY, "Patient", match=False) is BODY
    assert elements.of(b"{}", "Practitioner", match=False) == b"{}"


def test_a_type_in_front_is_of_that_type_alone() -> None:
    both = subset_of(["Patient"], "", ["Patient.gender", "Practitioner.name"])
    assert b"birthDate" not in both.of(BODY, "Patient")
    assert b"birthDate" not in both.of(BODY, "Patient", match=False)
    of_another = subset_of(["Patient"], "", ["Practitioner.name"])
    assert of_another.of(BODY, "Patient") is BODY
    assert of_another.others["Practitioner"] == Names({"name": WHOLE})


def test_of_several_types_each_shows_what_it_has() -> None:
    found = subset_of(["Patient", "Task"], "", ["gender", "status"])
    assert found.matches == {"Patient": Names({"gender": WHOLE}), "Task": Names({"status": WHOLE})}


def test_an_element_and_a_child_of_it_is_the_element() -> None:
    for order in (["name", "name.family"], ["name.family", "name"]):
        assert subset_of(["Patient"], "", order).matches["Patient"] == Names({"name": WHOLE})
    two = subset_of(["Patient"], "", ["name.family", "name.given"])
    assert two.matches["Patient"] == Names({"name": Names({"family": WHOLE, "given": WHOLE})})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("name",), True),
        (("name", "family"), True),
        (("deceased",), True),
        (("deceasedBoolean",), True),
        (("contact", "name", "period", "start"), True),
        (("extension", "value"), True),
        (("extension", "valueQuantity", "code"), True),
        (("extension", "value", "code"), True),
        (("colour",), False),
        (("name", "colour"), False),
        (("birthDate", "extension"), False),
        (("contained", "name"), False),
        (("_birthDate",), False),
        (("extension", "value") * 8, True),
        (("extension",) * 17, False),
    ],
)
def test_which_elements_a_type_has(path: tuple[str, ...], expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert has("Patient", path) is expected


@pytest.mark.parametrize("name", ["colour", "name.colour", "Patient.colour", "Practitioner.gender.x", "Nonsense.name"])
def test_an_element_that_is_not_there_is_refused_or_told_of(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        subset_of(["Patient"], "", [name])
    assert refused.value.issues[0].detail == "search-value"
    lenient = subset_of(["Patient"], "", ["gender", name], strict=False)
    assert [issue.severity for issue in lenient.ignored] == ["warning"]
    assert b"gender" in lenient.of(BODY, "Patient")
    assert b"birthDate" not in lenient.of(BODY, "Patient")


def test_nothing_but_unknown_elements_leniently_is_everything() -> None:
    assert subset_of(["Patient"], "", ["colour"], strict=False).of(BODY, "Patient") is BODY


def test_there_is_an_end_to_names() -> None:
    assert subset_of(["Patient"], "", [f"name{number}" for number in range(200)], strict=False).ignored
    with pytest.raises(BadRequest):
        subset_of(["Patient"], "", [f"name{number}" for number in range(201)], strict=False)


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(".".join), min_size=1, max_size=4, unique=True))
def test_whatever_is_named_what_is_shown_is_part_of_the_resource(names: list[str]) -> None:
    shown = json.read(subset_of(["Patient"], "", names, strict=False).of(BODY, "Patient")).resource
    whole = json.read(BODY).resource
    assert {"resourceType", "id"} <= shown.keys() <= {*whole, "meta"}
    for name in shown.keys() - {"meta", "name"}:
        assert shown[name] == whole[name]
    for each in shown.get("name", []):
        assert each.items() <= whole["name"][0].items()


def test_one_of_the_two() -> None:
    with pytest.raises(BadRequest):
        subset_of(["Patient"], "true", ["name"])
