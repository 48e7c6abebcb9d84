"""Scopes against scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.scope import parse_scopes
from fhir_server.oauth.narrowing import covered, narrowed


@pytest.mark.parametrize(
    ("wanted", "allowed", "result"),
    [
        ("user/Task.rs", "user/*.cruds", "user/Task.rs"),
        ("user/Task.cruds", "user/Task.rs", "user/Task.rs"),
        ("user/Task.read", "user/Task.rs", "user/Task.read"),
        ("user/Task.write", "user/Task.c", "user/Task.c"),
        ("user/*.rs", "user/Task.r user/Patient.cruds", "user/Task.r user/Patient.rs"),
        ("user/*.rs", "user/*.r user/Patient.s", "user/*.r user/Patient.s"),
        ("patient/Task.rs", "user/*.cruds", ""),
        ("openid openid unknown", "openid profile", "openid"),
        ("user/Task.rs?status=ready", "user/*.cruds", ""),
        ("", "user/*.cruds", ""),
    ],
)
def test_what_lies_within_is_given(wanted: str, allowed: str, result: str) -> None:
    assert narrowed(wanted, allowed) == result


TYPES = ("Task", "Patient", "Observation")
SCOPE = st.builds(
    "{}/{}.{}".format,
    st.sampled_from(("user", "patient")),
    st.sampled_from(("*", *TYPES)),
    st.sets(st.sampled_from("cruds"), min_size=1).map(lambda letters: "".join(each for each in "cruds" if each in letters)),
)
SCOPES = st.lists(SCOPE, max_size=4).map(" ".join)


def rights(text: str) -> set[tuple[str, str, str]]:
    return {
        (scope.level, type_, letter)
        for scope in parse_scopes(text)
        for type_ in (*TYPES, "Other")
        for letter in scope.letters
        if scope.covers(type_, letter)
    }


@given(SCOPES, SCOPES)
def test_narrowing_is_the_intersection_of_rights(wanted: str, allowed: str) -> None:
    result = narrowed(wanted, allowed)
    assert rights(result) == rights(wanted) & rights(allowed)
    assert covered(result, allowed)
    assert narrowed(result, allowed) == result


@given(SCOPES, SCOPES)
def test_what_is_covered_is_not_narrowed(wanted: str, allowed: str) -> None:
    if covered(wanted, allowed):
        assert rights(wanted) <= rights(allowed)
