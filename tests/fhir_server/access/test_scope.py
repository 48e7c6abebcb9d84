"""SMART scopes: what they are read as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.scope import LETTERS, Scope, levels, parse_scopes
from fhir_server.catalog.catalog import INTERACTIONS


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", ()),
        ("patient/CareTeam.rs", (Scope("patient", "CareTeam", "rs"),)),
        ("user/*.cruds", (Scope("user", "*", "cruds"),)),
        ("system/*.rs user/Task.u", (Scope("system", "*", "rs"), Scope("user", "Task", "u"))),
        ("user/Task.read", (Scope("user", "Task", "rs"),)),
        ("user/Task.write", (Scope("user", "Task", "cud"),)),
        ("user/Task.*", (Scope("user", "Task", "cruds"),)),
        ("patient/*.*", (Scope("patient", "*", "cruds"),)),
        ("openid fhirUser launch/patient offline_access", ()),
        ("patient/Observation.rs?category=laboratory", ()),
        ("user/Task.sr", ()),
        ("user/Task.", ()),
        ("user/Task.rr", ()),
        ("user/Task.x", ()),
        ("user/task.rs", ()),
        ("other/Task.rs", ()),
        ("user/Task", ()),
        ("user/**.rs", ()),
        ("xuser/Task.rs", ()),
    ],
)
def test_parse(text: str, scopes: tuple[Scope, ...]) -> None:
    assert parse_scopes(text) == scopes


@pytest.mark.parametrize(
    ("text", "interaction", "found"),
    [
        ("user/Task.rs", "read", {"user"}),
        ("user/Task.rs", "vread", {"user"}),
        ("user/Task.rs", "history-instance", {"user"}),
        ("user/Task.r", "search-type", set()),
        ("user/Task.s", "search", {"user"}),
        ("user/Task.s", "history-type", {"user"}),
        ("user/Task.rs", "create", set()),
        ("user/Task.u", "patch", {"user"}),
        ("user/Task.d", "delete", {"user"}),
        ("user/CareTeam.rs", "read", set()),
        ("user/*.rs", "read", {"user"}),
        ("user/*.rs patient/Task.rs system/Task.c", "read", {"user", "patient"}),
        ("user/*.cruds", "explode", set()),
    ],
)
def test_levels(text: str, interaction: str, found: set[str]) -> None:
    assert levels(parse_scopes(text), "Task", interaction) == found


def test_every_interaction_of_the_catalogue_has_a_letter() -> None:
    assert LETTERS.keys() >= INTERACTIONS


@given(st.text(alphabet="patiensuryTask/.*cds ?=", max_size=40))
def test_no_text_breaks_parsing_or_gives_an_empty_right(text: str) -> None:
    assert all(scope.letters and set(scope.letters) <= set("cruds") for scope in parse_scopes(text))
