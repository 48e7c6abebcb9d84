"""What roles do not get can neither be searched by nor be lost when they write."""

import pytest

from fhir_server.access.actor import ROLES, Actor
from fhir_server.access.left_out import is_left_out, left_out, rules
from fhir_server.access.roles import load_roles
from fhir_server.catalog import catalog
from fhir_server.model.shape import shape_of

TYPES = catalog.load().types
CARE = "http://nictiz.nl/fhir/NamingSystem/organization-type|Z3"


def test_every_rule_names_what_there_is() -> None:
    for rule in rules():
        members = shape_of(rule.type, rule.type).members
        for element in rule.elements:
            found = [each for name, each in members.items() if is_left_out(name, [element])]
            assert found, (rule.type, element)
            assert not any(each.needed for each in found), (rule.type, element)
        assert rule.roles <= set(ROLES) - {"system"}


def test_nobody_searches_by_what_is_left_out() -> None:
    assert "birthDate" in str(TYPES["Patient"].search["birthdate"].expression)
    for rule in rules():
        read = {name: str(each.expression) for name, each in TYPES[rule.type].search.items()}
        for element in rule.elements:
            assert not [name for name, text in read.items() if f"{element}" in text], (rule.type, element)


def test_who_does_not_get_all_of_a_resource_does_not_write_it() -> None:
    roles = load_roles(TYPES)
    for rule in rules():
        for role in rule.roles & {"practitioner", "related-person", "patient"}:
            assert not set("cud") & set(roles.letters(role, rule.type)), (rule.type, role)


@pytest.mark.parametrize(
    ("role", "kinds", "patient", "practitioner"),
    [
        ("system", (), [], []),
        ("practitioner", (CARE,), [], ["birthDate"]),
        ("practitioner", ("urn:welfare|1",), ["maritalStatus", "multipleBirth"], ["birthDate"]),
        ("practitioner", (), ["maritalStatus", "multipleBirth"], ["birthDate"]),
        ("related-person", (CARE,), ["maritalStatus", "multipleBirth"], ["birthDate"]),
        ("patient", (), [], ["birthDate"]),
    ],
)
def test_what_a_role_does_not_get(role: str, kinds: tuple[str, ...], patient: list[str], practitioner: list[str]) -> None:
    found = left_out(Actor("Type/id", role, (), kinds=kinds)).elements  # type: ignore[arg-type]  # a parameter of the test
    assert (sorted(found.get("Patient", ())), sorted(found.get("Practitioner", ()))) == (patient, practitioner)


@pytest.mark.parametrize(
    ("member", "elements"),
    [
        *(("birthDate", 1), ("_birthDate", 1), ("birthDates", 0), ("multipleBirthInteger", 1)),
        *(("multipleBirth", 1), ("multiple", 0), ("multipleBirthday", 0)),
    ],
)
def test_an_element_is_known_in_all_its_types(member: str, elements: int) -> None:
    assert sum(is_left_out(member, [each]) for each in ("birthDate", "multipleBirth")) == elements
