"""From claims of others to an actor: one role, one holder, nothing that was not declared."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unauthorized
from fhir_server.oauth.issuer_claims import Choice, ClaimRules, Pointer, actor_of
from fhir_server.oauth.paths import text_at, texts_at, value_at, words_at

BASE = "https://hub.test/fhir"
KNOWN = {
    ("Practitioner", "urn:email", "vos@x.test"): ("Practitioner/vos",),
    ("Practitioner", "urn:email", "info@x.test"): ("Practitioner/mol", "Practitioner/vos"),
    ("RelatedPerson", "urn:user", "8f1"): ("RelatedPerson/a", "RelatedPerson/b"),
    ("Patient", "urn:user", "8f1"): ("Patient/a", "Patient/b"),
    ("Patient", "urn:user", "9a"): ("Patient/a",),
    ("Organization", "urn:ura", "90000382"): ("Organization/home-care",),
}
RULES = ClaimRules(
    role=Choice(claim=("scope",), values={"hc": "practitioner", "carer": "related-person", "self": "patient", "all": "system"}),
    holders={
        "practitioner": Pointer("Practitioner", identifier=("employee", "email"), system="urn:email"),
        "related-person": Pointer("RelatedPerson", identifier=("user",), system="urn:user"),
        "patient": Pointer("Patient", identifier=("user",), system="urn:user"),
        "system": Pointer(fixed="Device/platform"),
    },
    scopes={"hc": "user/*.cruds", "carer": "user/Patient.rs user/CareTeam.rs"},
    patient=Pointer("Patient", reference=("launch", "patient")),
    purpose=Choice(claim=("pou",), values={"treat": "TREAT", "emergency": "BTG"}),
    reason=("why",),
    organisation=Pointer("Organization", identifier=("ura",), system="urn:ura"),
)
EMPLOYEE = {"scope": "openid hc", "employee": {"email": "vos@x.test"}, "pou": "treat"}


async def resolve(type_: str, system: str, value: str) -> tuple[str, ...]:
    return KNOWN.get((type_, system, value), ())


def actor(rules: ClaimRules = RULES, **claims: Any) -> Actor:
    told = {name: value for name, value in claims.items() if value is not None}
    return asyncio.run(actor_of(told, rules, BASE, "a:1", resolve))


def test_an_employee_by_email() -> None:
    found = actor(**EMPLOYEE, ura="90000382", client_id="app")
    assert (found.reference, found.role, found.purpose, found.organisation) == (
        "Practitioner/vos",
        "practitioner",
        "TREAT",
        "Organization/home-care",
    )
    assert (found.people, found.scopes, found.token, found.client) == (
        ("Practitioner/vos",),
        parse_scopes("user/*.cruds"),
        "a:1",
        "app",
    )


def test_a_carer_may_be_several_related_persons() -> None:
    found = actor(scope="carer", user="urn:user|8f1", pou="treat")
    assert (found.reference, found.people) == ("RelatedPerson/a", ("RelatedPerson/a", "RelatedPerson/b"))
    assert found.scopes == parse_scopes("user/Patient.rs user/CareTeam.rs")


def test_roles_in_a_list_and_scopes_as_they_are() -> None:
    rules = replace(RULES, role=Choice(claim=("realm", "roles"), values={"Head nurse": "practitioner"}), scopes=None)
    found = actor(rules, **{**EMPLOYEE, "scope": "openid user/Task.rs"}, realm={"roles": ["x", "Head nurse"]})
    assert (found.role, found.scopes) == ("practitioner", parse_scopes("user/Task.rs"))


def test_a_fixed_holder_and_the_usual_purpose() -> None:
    found = actor(replace(RULES, purpose=Choice()), scope="all")
    assert (found.reference, found.role, found.purpose, found.scopes) == ("Device/platform", "system", "", ())
    assert actor(replace(RULES, purpose=Choice()), scope="self", user="9a").purpose == "PATRQT"


def test_the_one_patient_and_a_broken_glass() -> None:
    found = actor(**{**EMPLOYEE, "pou": "emergency"}, why="unconscious", launch={"patient": "Patient/a"})
    assert (found.patient, found.purpose, found.reason) == ("Patient/a", "BTG", "unconscious")
    for text in ("a", f"{BASE}/Patient/a"):
        assert actor(**EMPLOYEE, launch={"patient": text}).patient == "Patient/a"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": None}, "token-claims"),
        ({"scope": "openid"}, "token-claims"),
        ({"scope": "hc carer"}, "token-claims"),
        ({"scope": ["hc", "carer"]}, "token-claims"),
        ({"scope": "HC"}, "token-claims"),
        ({"scope": {"hc": 1}}, "token-claims"),
        ({"scope": 7}, "token-claims"),
        ({"employee": None}, "token-holder"),
        ({"employee": "vos@x.test"}, "token-holder"),
        ({"employee": {"email": ""}}, "token-holder"),
        ({"employee": {"email": ["vos@x.test", "mol@x.test"]}}, "token-holder"),
        ({"employee": {"email": "urn:user|8f1"}}, "token-claims"),
        ({"employee": {"email": "|vos@x.test"}}, "token-claims"),
        ({"employee": {"email": "urn:email|"}}, "token-claims"),
        ({"employee": {"email": " "}}, "token-claims"),
        ({"pou": None}, "token-claims"),
        ({"pou": "TREAT"}, "token-claims"),
        ({"pou": "treat emergency"}, "token-claims"),
        ({"pou": "emergency"}, "token-claims"),
        ({"why": "because"}, "token-claims"),
        ({"launch": {"patient": "Practitioner/a"}}, "token-claims"),
        ({"launch": {"patient": "https://other.test/fhir/Patient/a"}}, "token-claims"),
        ({"launch": {"patient": "Patient/a/_history/1"}}, "token-claims"),
    ],
)
def test_claims_that_make_no_actor(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        actor(**{**EMPLOYEE, **changes})
    assert caught.value.issues[0].detail == code
    assert "x.test" not in caught.value.text


@pytest.mark.parametrize(
    "changes",
    [
        {"employee": {"email": "VOS@x.test"}},
        {"employee": {"email": "info@x.test"}},
        {"employee": {"email": "nobody@x.test"}},
        {"scope": "self", "user": "8f1"},
        {"ura": "11111111"},
    ],
)
def test_a_good_token_of_nobody_here_is_forbidden(changes: dict[str, Any]) -> None:
    with pytest.raises(Forbidden) as caught:
        actor(**{**EMPLOYEE, **changes})
    assert caught.value.issues[0].detail == "token-holder"
    assert "x.test" not in caught.value.text


@pytest.mark.parametrize(
    ("ura", "certificate", "good"),
    [
        ("90000382", "90000382", True),
        (None, None, True),
        ("90000382", "11111111", False),
        ("90000382", None, False),
        (None, "9", False),
    ],
)
def test_the_organisation_of_a_certificate_is_that_of_the_credential(ura: str | None, certificate: str | None, good: bool) -> None:  # noqa: FBT001
    rules = replace(RULES, equal=((("x509", "ura"), ("ura",)),))
    claims = {**EMPLOYEE, "ura": ura, "x509": {"ura": certificate} if certificate else None}
    if good:
        assert actor(rules, **claims).reference == "Practitioner/vos"
        return
    with pytest.raises(Unauthorized) as caught:
        actor(rules, **claims)
    assert caught.value.issues[0].detail == "token-claims"


def test_paths() -> None:
    claims = {"a": {"b": ["x y", 7, "z"]}, "c": ["one"], "d": None}
    assert value_at(claims, ("a", "b")) == ["x y", 7, "z"]
    assert value_at(claims, ("a", "b", "c")) is value_at(claims, ("d", "e")) is None
    assert (text_at(claims, ("c",)), text_at(claims, ("a", "b")), text_at(claims, ("a",))) == ("one", "", "")
    assert (texts_at(claims, ("a", "b")), words_at(claims, ("a", "b"))) == (["x y", "z"], ["x", "y", "z"])
