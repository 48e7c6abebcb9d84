"""Access tokens of MedMij: how long they live, and what is no such token."""

from dataclasses import replace
from pathlib import Path

import pytest

from fhir_server.errors import Unauthorized
from fhir_server.medmij.access_token import LIFETIME, AccessToken, opened, signed
from fhir_server.oauth.claims import LEEWAY, SECOND
from fhir_server.oauth.ring import KeyRing
from fhir_server.oauth.token import TokenRequest, issue

ISSUER = "https://hub.example"
NOW = 1_795_000_000 * SECOND
TOKEN = AccessToken("family.id", "a.example", "Patient/x", "apotheek", ("1", "2"), NOW - 9 * SECOND, NOW)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("keys"), NOW)


@pytest.mark.parametrize("after", [0, LIFETIME * SECOND, LIFETIME * SECOND + LEEWAY - 1])
def test_for_a_quarter_of_an_hour(ring: KeyRing, after: int) -> None:
    made = signed(TOKEN, ring.signing(NOW), ISSUER)
    assert opened(made, ring.verifying, ISSUER, NOW + after) == TOKEN


@pytest.mark.parametrize("at", [NOW + LIFETIME * SECOND + LEEWAY, NOW - LEEWAY - SECOND])
def test_no_longer_and_no_earlier(ring: KeyRing, at: int) -> None:
    made = signed(TOKEN, ring.signing(NOW), ISSUER)
    with pytest.raises(Unauthorized):
        opened(made, ring.verifying, ISSUER, at)


def test_another_server_and_another_key(ring: KeyRing, tmp_path: Path) -> None:
    made = signed(TOKEN, ring.signing(NOW), ISSUER)
    with pytest.raises(Unauthorized):
        opened(made, ring.verifying, "https://other.example", NOW)
    with pytest.raises(Unauthorized):
        opened(made, KeyRing(tmp_path, NOW).verifying, ISSUER, NOW)


def test_a_token_for_fhir_is_none(ring: KeyRing) -> None:
    for audience in (f"{ISSUER}/fhir", f"{ISSUER}/medmij"):
        other = issue(TokenRequest("Patient/x", "patient"), ring.signing(NOW), ISSUER, audience, NOW, "id")
        with pytest.raises(Unauthorized):
            opened(other, ring.verifying, ISSUER, NOW)


def test_nobody_changes_one(ring: KeyRing) -> None:
    made, other = (signed(each, ring.signing(NOW), ISSUER) for each in (TOKEN, replace(TOKEN, patient="Patient/y")))
    head, _, signature = made.split(".")
    with pytest.raises(Unauthorized):
        opened(".".join((head, other.split(".")[1], signature)), ring.verifying, ISSUER, NOW)
