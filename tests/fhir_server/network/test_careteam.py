"""Who belongs to which dossier, and when."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.network.careteam import dossier_of, memberships
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DAY, instant
from fhir_server.storage.consent_rule import function_of, in_function
from fhir_server.storage.repository import TEAMS, Membership

BASE = "https://hub.test/fhir"


def team(*participants: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {"resourceType": "CareTeam", "id": "t", "status": "active", "subject": {"reference": "Patient/bakker"}}
    return {**found, "participant": list(participants), **more}


def member(reference: str, start: str = "", end: str = "", **more: Any) -> dict[str, Any]:
    period = {name: value for name, value in (("start", start), ("end", end)) if value}
    return {"member": {"reference": reference}, **({"period": period} if period else {}), **more}


def always(reference: str, dossier: str = "Patient/bakker") -> Membership:
    return Membership(reference, dossier, EARLIEST, LATEST)


def test_subject_members_and_organisations() -> None:
    found = memberships(
        team(
            member("Practitioner/vos", onBehalfOf={"reference": "Organization/o"}),
            member("RelatedPerson/mia"),
            member("PractitionerRole/r/_history/3"),
            member("CareTeam/ward"),
        )
    )
    references = [
        "Patient/bakker",
        "Practitioner/vos",
        "Organization/o",
        "RelatedPerson/mia",
        "PractitionerRole/r",
        "CareTeam/ward",
    ]
    assert list(found) == [
        replace(always(reference), through="Organization/o" if reference == "Practitioner/vos" else "") for reference in references
    ]


def test_a_coded_role_is_a_function_in_the_network_of_the_client_only() -> None:
    uzi = {"coding": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "code": "30.076"}]}
    own = {"coding": [{"system": "urn:own", "code": "x"}], "text": "in words"}
    by = {"reference": "Organization/o"}
    careteam = team(
        member("Practitioner/vos", "2026-01-01", "2026-01-31", onBehalfOf=by, role=[uzi, own]),
        member("Practitioner/vos", "2026-02-01", onBehalfOf=by, role=[uzi]),
        member("Organization/o", role=[uzi]),
        member("CareTeam/ward", role=[own]),
    )
    function = in_function("Patient/bakker", "function:http://fhir.nl/fhir/NamingSystem/uzi-rolcode|30.076")
    start = instant("2026-01-01T00:00:00+01:00")
    assert [each for each in memberships(careteam) if each.dossier != "Patient/bakker"] == [
        Membership("Practitioner/vos", function, start, LATEST, "Organization/o")
    ]
    assert function_of(function) == "http://fhir.nl/fhir/NamingSystem/uzi-rolcode|30.076"
    assert function_of("Patient/bakker") == ""
    department = {name: value for name, value in careteam.items() if name != "subject"}
    assert {each.dossier for each in memberships(department)} == {"CareTeam/t", TEAMS}


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error", "", None, "Active", ["active"]])
def test_only_an_active_team_gives_anything(status: Any) -> None:
    assert memberships(team(member("Practitioner/vos"), status=status)) == ()


def test_a_team_without_status_gives_nothing() -> None:
    careteam = team(member("Practitioner/vos"))
    del careteam["status"]
    assert memberships(careteam) == ()


@pytest.mark.parametrize(
    ("more", "dossier"),
    [
        ({}, "Patient/bakker"),
        ({"subject": {"reference": f"{BASE}/Patient/bakker"}}, "Patient/bakker"),
        ({"subject": {"reference": "Patient/bakker/_history/2"}}, "Patient/bakker"),
        ({"subject": {"reference": "Group/g"}}, "CareTeam/t"),
        ({"subject": {"display": "somebody"}}, "CareTeam/t"),
        ({"subject": {"reference": "https://other.test/fhir/Patient/bakker"}}, "CareTeam/t"),
        ({"subject": {"reference": "#p"}}, "CareTeam/t"),
        ({"subject": None}, "CareTeam/t"),
        ({"subject": None, "id": ""}, ""),
    ],
)
def test_whose_dossier(more: dict[str, Any], dossier: str) -> None:
    careteam = team(member("Practitioner/vos"), **more)
    assert dossier_of(careteam, BASE) == dossier
    found = {each.member: each.dossier for each in memberships(careteam, BASE) if each.dossier != TEAMS}
    members = {"Practitioner/vos", dossier} if dossier.startswith("Patient/") else {"Practitioner/vos"}
    assert found == (dict.fromkeys(members, dossier) if dossier else {})


@pytest.mark.parametrize(
    "participant",
    [
        {},
        {"member": {"display": "Mia"}},
        {"member": {"identifier": {"value": "1"}}},
        {"member": {"reference": "#mia"}},
        {"member": {"reference": "urn:uuid:1b4a5c0e-0000-4000-8000-000000000000"}},
        {"member": {"reference": "https://other.test/fhir/Practitioner/vos"}},
        {"member": {"reference": "Device/d"}},
        {"member": {"reference": 5}},
        {"member": "Practitioner/vos"},
    ],
)
def test_what_is_no_member(participant: dict[str, Any]) -> None:
    assert memberships(team(participant), BASE) == (always("Patient/bakker"),)


def test_our_own_absolute_references() -> None:
    assert always("Practitioner/vos") in memberships(team(member(f"{BASE}/Practitioner/vos")), BASE)
    assert always("Practitioner/vos") not in memberships(team(member(f"{BASE}/Practitioner/vos")))


@pytest.mark.parametrize(
    ("own", "lasting", "low", "high"),
    [
        (("", ""), ("", ""), EARLIEST, LATEST),
        (("2026-03-01", ""), ("", ""), instant("2026-03-01T00:00:00+01:00"), LATEST),
        (("", "2026-03-01"), ("", ""), EARLIEST, instant("2026-03-02T00:00:00+01:00")),
        (("", "2026-07"), ("", ""), EARLIEST, instant("2026-08-01T00:00:00+02:00")),
        (("", "2026"), ("", ""), EARLIEST, instant("2027-01-01T00:00:00+01:00")),
        (("2026-01-01", "2026-12-31"), ("2026-03-01", "2027"), instant("2026-03-01"), instant("2027-01-01")),
        (("2026-05-01", "2027"), ("2026-03-01", "2026-06-01"), instant("2026-05-01"), instant("2026-06-02")),
        (
            ("2026-03-01T10:00:00Z", "2026-03-01T12:00:00+01:00"),
            ("", ""),
            instant("2026-03-01T10:00:00Z"),
            instant("2026-03-01T11:00:01Z"),
        ),
    ],
)
def test_periods(own: tuple[str, str], lasting: tuple[str, str], low: int, high: int) -> None:
    period = {name: value for name, value in zip(("start", "end"), lasting, strict=True) if value}
    found = memberships(team(member("Practitioner/vos", *own), period=period))
    assert Membership("Practitioner/vos", "Patient/bakker", low, high) in found


def test_a_day_of_changing_clocks_is_a_whole_day() -> None:
    spring = memberships(team(member("Practitioner/vos", "2026-03-29", "2026-03-29")))[1]
    autumn = memberships(team(member("Practitioner/vos", "2026-10-25", "2026-10-25")))[1]
    assert (spring.end - spring.start, autumn.end - autumn.start) == (DAY * 23 // 24, DAY * 25 // 24)


@pytest.mark.parametrize(
    ("start", "end"), [("2026-03-02", "2026-03-01"), ("soon", ""), ("", "never"), ("2026-13", ""), ("", "2026-02-30")]
)
def test_a_doubtful_period_opens_nothing(start: str, end: str) -> None:
    assert memberships(team(member("Practitioner/vos", start, end))) == (always("Patient/bakker"),)
    assert memberships(team(member("Practitioner/vos"), period={"start": start, "end": end})) == ()


def test_a_period_of_another_shape_opens_nothing() -> None:
    assert memberships(team(member("Practitioner/vos"), period={"start": 2026})) == ()


def test_a_participant_outside_the_teams_period_is_no_member() -> None:
    found = memberships(team(member("Practitioner/vos", "2025-01-01", "2025-02-01"), period={"start": "2026-01-01"}))
    assert [each.member for each in found] == ["Patient/bakker"]


def test_periods_that_meet_are_one() -> None:
    found = memberships(team(member("Practitioner/vos", "2026-01-01", "2026-01-02"), member("Practitioner/vos", "2026-01-03")))
    assert found[1:] == (Membership("Practitioner/vos", "Patient/bakker", instant("2026-01-01"), LATEST),)


days = st.integers(min_value=1, max_value=28)
periods = st.lists(st.tuples(days, days), max_size=6)


@given(periods, st.tuples(days, days), st.integers(min_value=0, max_value=29))
def test_a_member_on_a_day_is_one_whom_a_line_and_the_team_name_on_it(
    lines: list[tuple[int, int]], lasting: tuple[int, int], day: int
) -> None:
    def text(number: int) -> str:
        return f"2026-01-{number:02}"

    period = {"start": text(lasting[0]), "end": text(lasting[1])}
    found = memberships(team(*(member("Practitioner/vos", text(a), text(b)) for a, b in lines), period=period))
    noon = instant("2026-01-01T12:00:00+01:00") + (day - 1) * DAY
    covered = [each for each in found if each.member == "Practitioner/vos" and each.start <= noon < each.end]
    expected = lasting[0] <= day <= lasting[1] and any(a <= day <= b for a, b in lines)
    assert len(covered) == int(expected)
    assert len({(each.member, each.start) for each in found}) == len(found)
    assert all(each.start < each.end for each in found)
