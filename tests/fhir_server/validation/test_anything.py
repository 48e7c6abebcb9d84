"""Whatever is given: a fault is found where it is, and nothing ever raises."""

import copy
import string
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.validation import validate
from profiles.definitions import resource_types, type_definition

Found = Callable[[Any], set[tuple[str, str]]]

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=12)
    | st.sampled_from(["#a", "#", "Patient/1", "Patient", "2024-02-30", "Practitioner"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "extension", "url", "valueString", "_id", "reference", "resourceType", "contained", "coding", "code"]
            )
            | st.text(string.printable, max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
TYPES = sorted(resource_types())


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a resource of a real type whose elements have anything in them."""
    type_ = draw(st.sampled_from(TYPES))
    names = [each.name.replace("[x]", "String") for each in type_definition(type_).elements[type_]]
    elements = draw(st.dictionaries(st.sampled_from(names + ["_" + name for name in names]), ANY, max_size=6))
    return {**elements, "resourceType": type_}


@given(ANY)
@settings(deadline=None)
def test_any_tree_is_judged(value: Any) -> None:
    assert validate(value)


@given(resources())
@settings(deadline=None, max_examples=examples(100))
def test_any_content_of_any_type_is_judged(resource: dict[str, Any]) -> None:
    before = copy.deepcopy(resource)
    for issue in validate(resource):
        assert issue.detail
        assert issue.text
        assert issue.severity in {"error", "warning", "information"}
        assert issue.expression.startswith(resource["resourceType"]) or issue.detail == "more-issues"
    assert repr(resource) == repr(before)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value inside."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if key != "resourceType":
            yield (*path, key)
            yield from places(child, (*path, key))


def written(path: tuple[str | int, ...]) -> str:
    """Write a way as FHIRPath; no choices but those of this file's resources."""
    text = "Patient"
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    for choice in ("deceasedBoolean", "valueReference"):
        text = text.replace(choice, choice.removesuffix("Boolean").removesuffix("Reference"))
    return text


def wrap(value: Any) -> Any:
    return [value]


def unwrap(value: Any) -> Any:
    return value[0] if isinstance(value, list) else [[value]]


def nothing(_: Any) -> Any:
    return None


def other_type(value: Any) -> Any:
    return Decimal("1.5") if not isinstance(value, int | float | Decimal) or isinstance(value, bool) else "1"


def unknown_inside(value: Any) -> Any:
    return {**value, "unheardOf": 1} if isinstance(value, dict) else {"unheardOf": 1}


@given(st.data(), st.sampled_from([wrap, unwrap, nothing, other_type, unknown_inside]))
@settings(deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fault_is_found_where_it_is(patient: dict[str, Any], data: st.DataObject, mutate: Callable[[Any], Any]) -> None:
    mutant = copy.deepcopy(patient)
    path = data.draw(st.sampled_from(list(places(mutant))))
    at = mutant
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = mutate(at[path[-1]])
    assert any(issue.expression.startswith(written(path)) for issue in validate(mutant))
