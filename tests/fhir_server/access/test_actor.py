"""The actor that claims name."""

from typing import Any

import pytest

from fhir_server.access.actor import ROLES, Actor, from_claims, local_system
from fhir_server.access.scope import Scope
from fhir_server.errors import Unauthorized

BASE = "https://hub.test/fhir"


def test_a_view_is_who_asks_and_what_the_token_lets_through() -> None:
    claims = {"sub": "Practitioner/p", "role": "practitioner", "scope": "user/Task.rs user/Patient.r", "purpose": "TREAT"}
    view = from_claims(claims).view
    assert from_claims({**claims, "scope": "openid user/Patient.r user/Task.rs", "jti": "another", "client_id": "app"}).view == view
    others = ({"sub": "Practitioner/q"}, {"scope": "user/Task.rs"}, {"purpose": "CAREMGT"}, {"patient": "bakker"})
    assert len({view, *(from_claims(claims | other).view for other in others)}) == 1 + len(others)


def test_all_claims() -> None:
    claims = {
        "sub": "RelatedPerson/mia",
        "role": "related-person",
        "scope": "user/Task.rs openid",
        "patient": "bakker",
        "purpose": "PATRQT",
        "btg_reason": "why",
        "organization": "Organization/1",
        "jti": "7",
    }
    assert from_claims(claims) == Actor(
        reference="RelatedPerson/mia",
        role="related-person",
        scopes=(Scope("user", "Task", "rs"),),
        patient="Patient/bakker",
        purpose="PATRQT",
        reason="why",
        organisation="Organization/1",
        people=("RelatedPerson/mia",),
        token="7",
    )


@pytest.mark.parametrize(
    ("claims", "reference"),
    [
        ({"sub": "Device/x"}, "Device/x"),
        ({"sub": "opaque", "fhirUser": "Device/x"}, "Device/x"),
        ({"sub": "opaque", "fhirUser": f"{BASE}/Device/x", "aud": BASE}, "Device/x"),
        ({"sub": "Device/y", "fhirUser": "", "aud": [BASE]}, "Device/y"),
    ],
)
def test_who_it_is(claims: dict[str, Any], reference: str) -> None:
    actor = from_claims({"role": "system", **claims})
    assert (actor.reference, actor.type, actor.people) == (reference, "Device", (reference,))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "Device/x"},
        {"sub": "Device/x", "role": "root"},
        {"sub": "Device/x", "role": 1},
        {"role": "system"},
        {"sub": "x", "role": "system"},
        {"sub": "Device/x/_history/2", "role": "system"},
        {"sub": "Device/x ", "role": "system"},
        {"sub": f"{BASE}/Device/x", "role": "system", "aud": ["other"]},
        {"sub": "Device/x", "role": "system", "patient": "a b"},
        {"sub": "Device/x", "role": "system", "scope": ["user/*.rs"]},
        {"sub": "Device/x", "role": "system", "purpose": {}},
    ],
)
def test_claims_that_make_no_actor(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized) as caught:
        from_claims(claims)
    assert caught.value.issues[0].detail == "token-claims"
    assert caught.value.headers == ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    assert "Device/x" not in caught.value.text


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("type_", ["Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Organization", "Device"])
def test_which_types_a_role_may_be(role: str, type_: str) -> None:
    persons = {
        "practitioner": {"Practitioner", "PractitionerRole"},
        "related-person": {"RelatedPerson"},
        "patient": {"Patient"},
        "privacy-officer": {"Practitioner", "PractitionerRole"},
    }
    claims = {"sub": f"{type_}/x", "role": role, "amr": ["mfa"]}
    if type_ in persons.get(role, {type_}):
        assert from_claims(claims).role == role
    else:
        with pytest.raises(Unauthorized):
            from_claims(claims)


def test_without_authentication_everybody_is_the_system() -> None:
    actor = local_system()
    assert (actor.role, actor.patient, actor.scopes) == ("system", "", (Scope("system", "*", "cruds"),))
