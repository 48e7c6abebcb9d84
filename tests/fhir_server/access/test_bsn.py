"""Which role sees which citizen service numbers."""

from dataclasses import replace

import pytest

from fhir_server.access.actor import Actor, Role
from fhir_server.access.bsn import BsnRules, Sight
from fhir_server.access.roles import RolesError, load_roles
from fhir_server.catalog import catalog

TYPES = catalog.load().types
RULES = load_roles(TYPES).bsn
KIND = "http://nictiz.nl/fhir/NamingSystem/organization-type"
GP, WELFARE = f"{KIND}|Z3", "https://gemeente.example/soort|wmo"


def actor(role: Role, *kinds: str) -> Actor:
    return Actor("Device/x", role, (), kinds=kinds)


@pytest.mark.parametrize(
    ("role", "sight"),
    [
        ("system", "all"),
        ("practitioner", "none"),
        ("related-person", "none"),
        ("patient", "own"),
        ("pgo", "none"),
        ("source", "none"),
        ("operator", "none"),
    ],
)
def test_each_role(role: Role, sight: Sight) -> None:
    assert RULES.sight(actor(role)) == sight


@pytest.mark.parametrize(("kinds", "sight"), [((GP,), "all"), ((WELFARE,), "none"), ((WELFARE, GP), "all"), ((), "none")])
def test_a_professional_sees_numbers_by_the_kind_of_organisation(kinds: tuple[str, ...], sight: Sight) -> None:
    assert RULES.sight(actor("practitioner", *kinds)) == sight


def test_a_kind_may_be_one_code() -> None:
    rules = replace(RULES, kinds=frozenset({GP}))
    assert rules.sight(actor("practitioner", GP)) == "all"
    assert rules.sight(actor("practitioner", f"{KIND}|J8")) == "none"
    assert rules.sight(actor("related-person", GP)) == "none"


def test_nobody_sees_any_without_rules() -> None:
    assert load_roles(TYPES, "").bsn == BsnRules()
    assert BsnRules().sight(actor("system")) == "none"


@pytest.mark.parametrize("text", ['[bsn]\nall = ["king"]', '[bsn]\nsome = ["system"]'])
def test_an_unknown_role_or_sight_is_named(text: str) -> None:
    with pytest.raises(RolesError, match="bsn"):
        load_roles(TYPES, text)
