"""Joining, leaving, standing in and taking over, as one team says it: pure rules."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.network.careteam import memberships
from fhir_server.network.cover import covered, handed_over, own_places, uncovered
from fhir_server.network.network_roles import network_roles
from fhir_server.network.participation import begins, delegated, ended, joined, participant, places, with_delegation
from fhir_server.search.values import instant

NOW = instant("2026-06-01T10:00:00.700+02:00")
DAY = 86_400_000_000
A, B, C = "Practitioner/a", "Practitioner/b", "Practitioner/c"
PRACTICE, TOWN = "Organization/practice", "Organization/town"
GP = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode|01.015"
ROLES = network_roles()


def place(who: str = A, through: str = PRACTICE, role: str = "core", **period: str) -> dict[str, Any]:
    return participant(who, [ROLES.concept(role)], through, period)


def team(*participants: dict[str, Any], **more: Any) -> dict[str, Any]:
    subject = {"subject": {"reference": "Patient/p"}}
    return {"resourceType": "CareTeam", "id": "t", "status": "active", **subject, "participant": list(participants), **more}


def there(careteam: dict[str, Any] | None, at: int) -> set[str]:
    """Return who is a member at a moment, as the gate counts: in whole seconds."""
    assert careteam is not None
    second = at // 1_000_000 * 1_000_000
    return {each.member for each in memberships(careteam) if each.start <= second < each.end and each.member in {A, B, C}}


@settings(deadline=None)
@given(st.integers(-3 * DAY, 3 * DAY), st.integers(0, 3_000_000))
def test_who_joins_is_there_at_once_and_who_leaves_is_not(begun: int, later: int) -> None:
    start = NOW + begun
    joining = joined(team(), participant(A, [], "", {"start": begins(start)}))
    assert there(joining, start) == {A}
    leaving = max(start + later, start)
    gone = ended(joining, places(joining, [A], leaving), leaving)
    assert there(gone, leaving) == set()
    assert there(gone, leaving + DAY) == set()
    period = gone["participant"][0]["period"]
    assert period["start"] <= period["end"]
    assert places(gone, [A], leaving) == []


@pytest.mark.parametrize(
    ("places_", "period", "expected"),
    [
        ([place()], {"end": "2026-06-10"}, {"start": begins(NOW), "end": "2026-06-10"}),
        ([place()], {"start": "2026-06-05", "end": "2026-06-10"}, {"start": "2026-06-05", "end": "2026-06-10"}),
        ([place(end="2026-06-07")], {"start": "2026-06-05", "end": "2026-06-10"}, {"start": "2026-06-05", "end": "2026-06-07"}),
        ([place(start="2026-06-08")], {"end": "2026-06-10"}, {"start": "2026-06-08", "end": "2026-06-10"}),
        ([place(end="2026-05-31")], {"end": "2026-06-10"}, None),
        ([place(end="2026-06-03")], {"start": "2026-06-05", "end": "2026-06-10"}, None),
        ([place(through=TOWN)], {"end": "2026-06-10"}, None),
        ([place(), place(B)], {"end": "2026-06-10"}, None),
        ([], {"end": "2026-06-10"}, None),
    ],
)
def test_a_stand_in_is_there_when_both_last(places_: list[Any], period: dict[str, str], expected: dict[str, str] | None) -> None:
    after = covered(team(*places_), [A], PRACTICE, B, period, NOW)
    assert (after["participant"][-1]["period"] if after else None) == expected
    assert after is None or covered(after, [A], PRACTICE, B, period, NOW) is None
    assert after is None or there(uncovered(after, [A], B, NOW), NOW + 6 * DAY) <= {A}


def test_a_department_is_that_of_its_organisation() -> None:
    department = team(participant(A, [], "", {}), managingOrganization=[{"reference": PRACTICE}])
    del department["subject"]
    assert own_places(department, [A], PRACTICE, NOW) == [0]
    assert own_places(department, [A], TOWN, NOW) == []
    assert own_places(team(participant(A, [], "", {})), [A], PRACTICE, NOW) == []


@pytest.mark.parametrize(("functions", "roles"), [({GP}, ["director"]), (set(), [])])
def test_who_takes_over_has_the_roles_that_fit(functions: set[str], roles: list[str]) -> None:
    before = team(with_delegation(place(role="director"), {}), place(C))
    after = handed_over(before, [A], B, PRACTICE, functions, NOW)
    assert after is not None
    assert there(after, NOW) == {B, C}
    assert list(ROLES.codes(after["participant"][-1].get("role"))) == roles
    assert delegated(before, [A], [], NOW)
    assert not delegated(after, [A, B], [], NOW)
    assert handed_over(after, [A], B, PRACTICE, functions, NOW) is None


def test_what_is_done_for_another_organisation_stays() -> None:
    after = handed_over(team(place(), place(through=TOWN)), [A], B, PRACTICE, set(), NOW)
    assert there(after, NOW) == {A, B}
