"""Who a person is in the network at one moment."""

from typing import Any

import pytest

from fhir_server.network.standing import Standing, identifiers, of_practitioner, of_relations, of_role
from fhir_server.search.values import instant

NOW = instant("2026-06-01T10:00:00+02:00")
NURSE = {"resourceType": "Practitioner", "id": "nurse", "active": True}


def role(id_: str, organisation: str, start: str = "", end: str = "", **more: Any) -> dict[str, Any]:
    period = {name: value for name, value in (("start", start), ("end", end)) if value}
    return {
        "resourceType": "PractitionerRole",
        "id": id_,
        "practitioner": {"reference": "Practitioner/nurse"},
        "organization": {"reference": f"Organization/{organisation}"},
        "code": [{"coding": [{"system": "urn:roles", "code": id_}]}],
        **({"period": period} if period else {}),
        **more,
    }


def test_a_practitioner_is_each_of_the_roles_that_last() -> None:
    roles = [
        role("a", "home"),
        role("b", "gp", end="2026-05-31"),
        role("c", "home", start="2026-06-01"),
        role("d", "x", active=False),
    ]
    assert of_practitioner("Practitioner/nurse", NURSE, roles, NOW) == Standing(
        people=("Practitioner/nurse", "PractitionerRole/a", "PractitionerRole/c"),
        organisations=("Organization/home",),
        left=("Organization/gp", "Organization/x"),
        functions=("urn:roles|a", "urn:roles|c"),
    )


def test_a_practitioner_without_any_role_is_a_person_of_their_own() -> None:
    assert of_practitioner("Practitioner/nurse", NURSE, [], NOW) == Standing(("Practitioner/nurse",))


@pytest.mark.parametrize(
    ("practitioner", "roles"),
    [
        ({**NURSE, "active": False}, [role("a", "home")]),
        (NURSE, [role("a", "home", end="2026-05-31")]),
        (NURSE, [role("a", "home", start="2026-06-02")]),
        (NURSE, [role("a", "home", active=False)]),
        (NURSE, [role("a", "home", end="not a date")]),
    ],
)
def test_who_has_left(practitioner: dict[str, Any], roles: list[dict[str, Any]]) -> None:
    assert of_practitioner("Practitioner/nurse", practitioner, roles, NOW) == Standing()


def test_who_acts_in_one_role_has_what_that_role_gives() -> None:
    found = of_role(role("a", "home"), NURSE, NOW)
    assert found.people == ("Practitioner/nurse", "PractitionerRole/a")
    assert found.organisations == ("Organization/home",)
    assert of_role(role("a", "home"), None, NOW).people == found.people
    assert of_role(role("a", "home", end="2026-05-31"), NURSE, NOW) == Standing()
    assert of_role(role("a", "home"), {**NURSE, "active": False}, NOW) == Standing()


def test_a_period_ends_with_its_last_day() -> None:
    last = [role("a", "home", end="2026-06-01")]
    assert of_practitioner("Practitioner/nurse", NURSE, last, instant("2026-06-01T23:59:59+02:00")).people
    assert not of_practitioner("Practitioner/nurse", NURSE, last, instant("2026-06-02T00:00:00+02:00")).people


def test_one_person_is_several_relations() -> None:
    relations = [
        {"resourceType": "RelatedPerson", "id": "of-mother"},
        {"resourceType": "RelatedPerson", "id": "of-uncle", "period": {"end": "2026-05-20"}},
        {"resourceType": "RelatedPerson", "id": "of-aunt", "active": False},
    ]
    assert of_relations(relations, NOW).people == ("RelatedPerson/of-mother",)


def test_an_identifier_knows_a_person_again_only_with_system_and_value() -> None:
    given = [
        {"system": "urn:s", "value": "1"},
        {"value": "2"},
        {"system": "urn:s"},
        {"system": "urn:s", "value": "3", "use": "old"},
    ]
    assert identifiers({"identifier": given}) == (("urn:s", "1"),)
