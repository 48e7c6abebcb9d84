"""What is not done on a device that was left open."""

from typing import Any

import pytest

from fhir_server.access.actor import Actor, from_claims
from fhir_server.access.recent import SECONDS, require_recent
from fhir_server.errors import Unauthorized

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
OLD, RECENT = NOW - (SECONDS + 1) * SECOND, NOW - SECONDS * SECOND


def client(authenticated: int) -> Actor:
    return Actor("Patient/c", "patient", (), people=("Patient/c",), authenticated=authenticated)


MATTERS = [
    *[(each, "Consent") for each in ("create", "update", "patch", "delete")],
    ("$invite", "CareTeam"),
    ("$delegate", "CareTeam"),
]


@pytest.mark.parametrize(("interaction", "type_"), MATTERS)
def test_what_matters_needs_a_recent_log_in(interaction: str, type_: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        require_recent(client(OLD), interaction, type_, NOW)
    assert caught.value.issues[0].detail == "token-login"
    assert caught.value.headers[0] == (
        b"www-authenticate",
        b'Bearer error="insufficient_user_authentication", max_age="900"',
    )
    for authenticated in (RECENT, 0):
        require_recent(client(authenticated), interaction, type_, NOW)


@pytest.mark.parametrize(("interaction", "type_"), [("read", "Consent"), ("$everything", "Patient"), ("create", "Communication")])
def test_the_rest_does_not(interaction: str, type_: str) -> None:
    require_recent(client(OLD), interaction, type_, NOW)


def test_when_somebody_logged_in_comes_from_the_token() -> None:
    claims = {"sub": "Patient/c", "role": "patient"}
    assert from_claims({**claims, "auth_time": 1_700_000_000}).authenticated == 1_700_000_000 * SECOND
    assert from_claims(claims).authenticated == 0


@pytest.mark.parametrize("told", ["1700000000", -1, True, 1.5, []])
def test_a_time_that_is_none_is_refused(told: Any) -> None:
    with pytest.raises(Unauthorized):
        from_claims({"sub": "Patient/c", "role": "patient", "auth_time": told})
