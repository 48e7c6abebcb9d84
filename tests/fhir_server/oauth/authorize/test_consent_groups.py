"""Scopes as things to switch on and off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.roles import load_roles
from fhir_server.access.scope import parse_scopes
from fhir_server.catalog import catalog
from fhir_server.oauth.authorize.consent_groups import GroupsError, joined, load_groups
from fhir_server.oauth.authorize.opening import letters_of
from fhir_server.oauth.authorize.remembered import after, covered

TYPES = tuple(catalog.load().types)
GROUPS = load_groups(TYPES)
ROLES = load_roles(TYPES)
NURSE = letters_of(ROLES, "practitioner")
SINGLE = ("openid", "fhirUser", "offline_access", "launch/patient")


def scopes() -> st.SearchStrategy[list[str]]:
    letters = st.sampled_from(["r", "rs", "c", "cr", "cruds", "u", "read", "write", "*"])
    resource = st.builds(
        lambda level, type_, right: f"{level}/{type_}.{right}",
        st.sampled_from(["patient", "user"]),
        st.sampled_from(["*", "Task", "Communication", "Condition", "Consent", "Patient"]),
        letters,
    )
    return st.lists(st.one_of(resource, st.sampled_from(SINGLE)), max_size=6, unique=True)


def test_what_is_asked_is_told_in_human_words() -> None:
    keys = GROUPS.offered(["openid", "user/Communication.cruds", "user/Medication.rs", "offline_access", "launch/patient"], NURSE)
    assert keys == ("identity", "messages.read", "messages.write", "medicines.read", "offline")
    assert GROUPS.texts["nl"]["messages.read"] == "Berichten lezen"
    assert GROUPS.texts["en"]["medicines.read"] == "See medicines"


def test_what_the_role_may_not_do_is_not_offered() -> None:
    assert GROUPS.offered(["user/Patient.cruds", "user/SearchParameter.rs"], NURSE) == ("person.read",)
    assert GROUPS.narrowed(["user/Patient.cruds", "user/Task.d"], ["person.read"], NURSE) == ("user/Patient.rs",)


@pytest.mark.parametrize(
    ("words", "kept", "given"),
    [
        (["user/Task.rs"], ["tasks.read"], ("user/Task.rs",)),
        (["user/Task.rs"], [], ()),
        (["user/Communication.crs"], ["messages.read"], ("user/Communication.rs",)),
        (["user/Communication.crs"], ["messages.write"], ("user/Communication.c",)),
        (["patient/Task.read"], ["tasks.read"], ("patient/Task.read",)),
        (["launch/patient", "openid", "fhirUser"], [], ("launch/patient",)),
        (["openid", "fhirUser"], ["identity"], ("openid", "fhirUser")),
        (["offline_access", "user/Task.rs"], ["tasks.read"], ("user/Task.rs",)),
    ],
)
def test_what_is_switched_off_is_not_given(words: list[str], kept: list[str], given: tuple[str, ...]) -> None:
    assert GROUPS.narrowed(words, kept, NURSE) == given


def test_a_wildcard_becomes_what_is_left_of_it() -> None:
    keys = GROUPS.offered(["patient/*.rs"], NURSE)
    assert GROUPS.narrowed(["patient/*.rs"], keys, NURSE) == ("patient/*.rs",)
    left = GROUPS.narrowed(["patient/*.rs"], [key for key in keys if key != "medicines.read"], NURSE)
    assert "patient/Condition.rs" in left
    assert not any("Medication" in word or "*" in word for word in left)


@given(scopes(), st.data())
def test_nothing_is_given_that_was_not_asked_and_left_on(words: list[str], data: st.DataObject) -> None:
    keys = GROUPS.offered(words, NURSE)
    kept = data.draw(st.sets(st.sampled_from(keys)) if keys else st.just(set()))
    asked, left = GROUPS.rights(words, NURSE), GROUPS.rights(GROUPS.narrowed(words, kept, NURSE), NURSE)
    assert left == {right for right in asked if right[0] in kept}


@given(scopes())
def test_a_given_scope_is_one_that_is_understood(words: list[str]) -> None:
    keys = GROUPS.offered(words, NURSE)
    for word in GROUPS.narrowed(words, keys[::2], NURSE):
        assert word in SINGLE or parse_scopes(word)


@given(scopes())
def test_rights_that_are_joined_again_are_the_same(words: list[str]) -> None:
    rights = GROUPS.rights(words, NURSE)
    assert GROUPS.rights(joined(right for _, right in rights), NURSE) == rights


@given(scopes(), scopes(), st.data())
def test_what_is_remembered_is_what_was_last_said(before: list[str], asked: list[str], data: st.DataObject) -> None:
    known, wanted = GROUPS.rights(before, NURSE), GROUPS.rights(asked, NURSE)
    keys = sorted({key for key, _ in wanted})
    kept = data.draw(st.sets(st.sampled_from(keys)) if keys else st.just(set()))
    result = after(known, wanted, kept)
    for right in known | wanted:
        expected = right[0] in kept if right in wanted else right in known
        assert (right in result.rights) is expected
    assert result.less is bool(known - result.rights)
    assert covered(frozenset(right for right in wanted if right[0] in kept), result.rights)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x = ", "consent-groups.toml"),
        ('[a]\ntypes = ["Task"]\n', "Patient"),
        ('[a]\ntypes = ["Task", "Patient", "Task"]\n', "Task"),
        ('[a]\ntypes = ["Task", "Patient", "Spaceship"]\n', "Spaceship"),
        ('[a]\ntypes = ["Task", "Patient"]\nnl = { read = "x" }\n', "nl"),
    ],
)
def test_a_file_that_does_not_cover_each_type_once_is_refused(text: str, name: str) -> None:
    with pytest.raises(GroupsError, match=name):
        load_groups(("Task", "Patient"), text)
