"""Issued tokens: what they say by default, and what is not issued."""

from typing import Any

import pytest

from fhir_server.oauth.claims import Expected
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import verify
from fhir_server.oauth.token import TokenRequest, TokenRequestError, issue

NOW = 1_800_000_000
MICROS = NOW * 1_000_000 + 999_999


def claims_of(request: TokenRequest, key: SigningKey, expected: Expected) -> dict[str, Any]:
    token = issue(request, key, expected.issuer, expected.audience, MICROS, "t-1")
    return verify(token, [key.verifying], expected, MICROS)


def test_all_claims(key: SigningKey, expected: Expected) -> None:
    request = TokenRequest(
        "Practitioner/vos",
        "practitioner",
        scope="user/CareTeam.rs",
        patient="bakker",
        purpose="BTG",
        reason="unconscious",
        organisation="Organization/1",
        client="app",
        lifetime=60,
    )
    assert claims_of(request, key, expected) == {
        "iss": "https://hub.test",
        "aud": "https://hub.test/fhir",
        "sub": "Practitioner/vos",
        "fhirUser": "Practitioner/vos",
        "role": "practitioner",
        "scope": "user/CareTeam.rs",
        "patient": "bakker",
        "purpose": "BTG",
        "btg_reason": "unconscious",
        "organization": "Organization/1",
        "client_id": "app",
        "jti": "t-1",
        "iat": NOW,
        "exp": NOW + 60,
    }


@pytest.mark.parametrize(
    ("reference", "role", "scope", "purpose"),
    [
        ("Practitioner/a", "practitioner", "user/*.cruds", "TREAT"),
        ("PractitionerRole/a", "practitioner", "user/*.cruds", "TREAT"),
        ("RelatedPerson/a", "related-person", "user/*.cruds", "PATRQT"),
        ("Patient/a", "patient", "user/*.cruds", "PATRQT"),
        ("Device/a", "system", "system/*.cruds", None),
        ("Organization/a", "source", "system/*.rs", None),
        ("Organization/a", "pgo", "patient/*.rs", "PATRQT"),
        ("Practitioner/a", "operator", "user/*.rs", None),
    ],
)
def test_what_a_role_gets_by_default(
    reference: str, role: str, scope: str, purpose: str | None, key: SigningKey, expected: Expected
) -> None:
    claims = claims_of(TokenRequest(reference, role), key, expected)
    assert (claims["scope"], claims.get("purpose"), claims["exp"] - claims["iat"]) == (scope, purpose, 900)
    assert "patient" not in claims
    assert "btg_reason" not in claims


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (TokenRequest("Practitioner/a", "doctor"), "role"),
        (TokenRequest("Practitioner/a", "patient"), "does not fit"),
        (TokenRequest("Patient/a", "practitioner"), "does not fit"),
        (TokenRequest("Practitioner", "practitioner"), "Type/id"),
        (TokenRequest("Practitioner/a/_history/1", "practitioner"), "Type/id"),
        (TokenRequest("https://other.test/fhir/Practitioner/a", "practitioner"), "Type/id"),
        (TokenRequest("Practitioner/a", "practitioner", patient="Patient/b"), "bare id"),
        (TokenRequest("Practitioner/a", "practitioner", patient="b/c"), "logical id"),
        (TokenRequest("Practitioner/a", "practitioner", purpose="BTG"), "reason"),
        (TokenRequest("Practitioner/a", "practitioner", purpose="BTG", reason="r", lifetime=3601), "3600"),
        (TokenRequest("Practitioner/a", "practitioner", reason="because"), "reason"),
        (TokenRequest("Practitioner/a", "practitioner", lifetime=0), "seconds"),
        (TokenRequest("Practitioner/a", "practitioner", lifetime=86_401), "seconds"),
    ],
)
def test_what_is_not_issued(request_: TokenRequest, text: str, key: SigningKey, expected: Expected) -> None:
    with pytest.raises(TokenRequestError, match=text):
        issue(request_, key, expected.issuer, expected.audience, MICROS, "t-1")
