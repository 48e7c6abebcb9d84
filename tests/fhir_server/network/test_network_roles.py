"""Roles in a network: one director at a time, and who may have and give which role."""

from typing import Any

import pytest

from fhir_server.access.actor import ROLES as EVERYBODY
from fhir_server.access.roles import load_roles
from fhir_server.catalog.catalog import load
from fhir_server.errors import Unprocessable
from fhir_server.network.network_roles import check, holders, network_roles
from fhir_server.search.values import instant

ROLES = network_roles()
GP, NURSE, WORKER = (
    "http://fhir.nl/fhir/NamingSystem/uzi-rolcode|01.015",
    "http://fhir.nl/fhir/NamingSystem/uzi-rolcode|30.000",
    f"{ROLES.system}|social-domain",
)


def place(who: str, role: str = "director", **period: str) -> dict[str, Any]:
    return {"member": {"reference": who}, "role": [ROLES.concept(role)], **({"period": period} if period else {})}


def team(*participants: dict[str, Any], status: str = "active") -> dict[str, Any]:
    return {"resourceType": "CareTeam", "status": status, "participant": list(participants)}


@pytest.mark.parametrize(
    "careteam",
    [
        team(),
        team(place("Practitioner/a")),
        team(place("Practitioner/a"), place("Practitioner/b", "coordinator")),
        team(place("Practitioner/a"), place("Practitioner/a", start="2026-01-01")),
        team(place("Practitioner/a", end="2026-01-01"), place("Practitioner/b", start="2026-01-02")),
        team(place("Practitioner/a", end="2026-01-01T09:59:59.999Z"), place("Practitioner/b", start="2026-01-01T10:00:00.000Z")),
        team(place("Practitioner/a", start="soon"), place("Practitioner/b")),
        team(place("Practitioner/a"), place("Practitioner/b"), status="inactive"),
        team(place("Practitioner/a", "coordinator"), place("Practitioner/b", "coordinator")),
    ],
)
def test_one_director_at_a_time(careteam: dict[str, Any]) -> None:
    """Or it raises."""
    check(careteam)


@pytest.mark.parametrize(
    "careteam",
    [
        team(place("Practitioner/a"), place("Practitioner/b")),
        team(place("Practitioner/a", end="2026-01-01"), place("Practitioner/b", start="2026-01-01")),
        team(place("Practitioner/a", end="2027"), place("Practitioner/c", "core"), place("Practitioner/b", start="2026-06")),
        team(place("Practitioner/a", start="2026-06", end="2026-06"), place("Practitioner/b")),
        team(
            place("Practitioner/a"), {**place("Practitioner/b", "core"), "role": [ROLES.concept("core"), ROLES.concept("director")]}
        ),
    ],
)
def test_not_two(careteam: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as raised:
        check(careteam)
    assert raised.value.issues[0].detail == "second-director"


def test_who_has_a_role_at_a_moment() -> None:
    careteam = team(place("Practitioner/a", end="2026-01-01"), place("Practitioner/b", start="2026-01-02"))
    found = [holders(careteam, "director", instant(f"{day}T12:00:00+01:00")) for day in ("2026-01-01", "2026-01-02")]
    assert found == [("Practitioner/a",), ("Practitioner/b",)]


FITTING = [("director", GP), ("coordinator", NURSE), ("coordinator", WORKER), ("social-domain", ""), ("informal-carer", "")]


@pytest.mark.parametrize(("role", "function"), FITTING)
def test_who_may_have_a_role(role: str, function: str) -> None:
    assert ROLES.roles[role].fits({function})


@pytest.mark.parametrize(("role", "functions"), [("director", {NURSE}), ("director", set()), ("coordinator", {"urn:x|30.000"})])
def test_who_may_not(role: str, functions: set[str]) -> None:
    assert not ROLES.roles[role].fits(functions)


@pytest.mark.parametrize(
    ("role", "givers"),
    [
        ("director", {"client", "representative", "system"}),
        ("core", {"client", "representative", "coordinator", "system"}),
        ("stand-in", set()),
    ],
)
def test_who_may_give_a_role(role: str, givers: set[str]) -> None:
    assert ROLES.roles[role].granted_by == givers


def test_only_the_platform_says_who_people_are() -> None:
    """Invitations find people by their identifiers: so nobody else may write these."""
    roles = load_roles(load().types)
    for type_ in ("Practitioner", "PractitionerRole", "RelatedPerson", "Organization"):
        writers = {role for role in EVERYBODY if set(roles.letters(role, type_)) & set("cud")}
        assert writers == {"system"}
