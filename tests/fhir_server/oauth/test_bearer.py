"""From the Authorization header to the actor, and what is remembered of it."""

import asyncio
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from forgery import b64, certificate
from simulated_issuer import new_key, proof, thumbprint

from fhir_server.access.actor import Actor, local_system
from fhir_server.errors import Unauthorized
from fhir_server.oauth import bearer as module
from fhir_server.oauth.bearer import Bearer
from fhir_server.oauth.certificate import Certificates
from fhir_server.oauth.claims import Expected
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import sign
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.token import TokenRequest, issue

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every real verification adds its token."""
    seen: list[str] = []
    verify = module.verify

    def counted(token: str, *rest: Any) -> dict[str, Any]:
        seen.append(token)
        return verify(token, *rest)

    monkeypatch.setattr(module, "verify", counted)
    return seen


def token_of(key: SigningKey, name: str = "vos", lifetime: int = 60, now: int = NOW) -> bytes:
    request = TokenRequest(f"Practitioner/{name}", "practitioner", lifetime=lifetime)
    return b"Bearer " + issue(request, key, "https://hub.test", "https://hub.test/fhir", now, "t").encode()


def actor_of(bearer: Bearer, header: bytes | None, now: int = NOW) -> Actor:
    """Ask as the FHIR application does: without waiting first."""
    return bearer.known(header, now) or asyncio.run(bearer.actor(Presented(header), now))


def detail_of(bearer: Bearer, header: bytes | None, now: int = NOW) -> str:
    with pytest.raises(Unauthorized) as caught:
        actor_of(bearer, header, now)
    assert [name for name, _ in caught.value.headers] == [b"www-authenticate"]
    assert caught.value.headers[0][1].startswith(b"Bearer ")
    return caught.value.issues[0].detail


def test_a_good_header_names_the_actor(key: SigningKey, expected: Expected) -> None:
    actor = actor_of(Bearer([key.verifying], expected), token_of(key))
    assert (actor.reference, actor.role, actor.purpose, actor.people) == (
        "Practitioner/vos",
        "practitioner",
        "TREAT",
        ("Practitioner/vos",),
    )


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"Bearer ", b" Bearer"])
def test_the_scheme_is_free_in_case_and_blanks(scheme: bytes, key: SigningKey, expected: Expected) -> None:
    header = scheme + b" " + token_of(key).removeprefix(b"Bearer ") + b" "
    assert actor_of(Bearer([key.verifying], expected), header).reference == "Practitioner/vos"


def test_no_header(key: SigningKey, expected: Expected) -> None:
    assert detail_of(Bearer([key.verifying], expected), None) == "token-missing"


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Token abc", b"Basic dTpw", b"Bearer a b", b"Bearer \xe9.a.b", b"a.b.c"]
)
def test_other_headers(header: bytes, key: SigningKey, expected: Expected) -> None:
    assert detail_of(Bearer([key.verifying], expected), header) == "token-malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "doctor"},
        {"role": None},
        {"role": ["system"]},
        {"role": "patient"},
        {"fhirUser": 5},
        {"fhirUser": "nobody"},
        {"fhirUser": "https://other.test/fhir/Practitioner/vos"},
        {"patient": "Patient/bakker"},
        {"patient": 7},
        {"scope": ["user/*.cruds"]},
    ],
)
def test_claims_that_make_no_actor(changes: dict[str, Any], key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    token = b"Bearer " + sign(key, {**claims, **changes}).encode()
    assert detail_of(Bearer([key.verifying], expected), token) == "token-claims"


@pytest.mark.parametrize(("purpose", "seconds", "detail"), [("BTG", 3600, ""), ("BTG", 3601, "token-claims"), ("TREAT", 3601, "")])
def test_a_token_for_an_emergency_is_a_short_one(
    purpose: str, seconds: int, detail: str, key: SigningKey, expected: Expected, claims: dict[str, Any]
) -> None:
    made = {**claims, "purpose": purpose, "btg_reason": "r", "exp": claims["iat"] + seconds}
    token = b"Bearer " + sign(key, made).encode()
    bearer = Bearer([key.verifying], expected)
    assert (detail_of(bearer, token) if detail else actor_of(bearer, token).purpose) == (detail or purpose)


@pytest.mark.parametrize(("ago", "detail"), [(900, ""), (901, "token-login")])
def test_a_token_for_an_emergency_comes_after_a_log_in(
    ago: int, detail: str, key: SigningKey, expected: Expected, claims: dict[str, Any]
) -> None:
    made = {**claims, "purpose": "BTG", "btg_reason": "r", "exp": claims["iat"] + 60, "auth_time": claims["iat"] - ago}
    token = b"Bearer " + sign(key, made).encode()
    bearer = Bearer([key.verifying], expected)
    assert (detail_of(bearer, token) if detail else actor_of(bearer, token).purpose) == (detail or "BTG")


def test_fhir_user_goes_before_sub_and_may_be_absolute(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    more = {"sub": "3f0c", "fhirUser": "https://hub.test/fhir/Practitioner/vos", "patient": "bakker", "btg_reason": "r"}
    actor = actor_of(Bearer([key.verifying], expected), b"Bearer " + sign(key, {**claims, **more}).encode())
    assert (actor.reference, actor.patient, actor.reason, actor.token) == ("Practitioner/vos", "Patient/bakker", "r", "t-1")


def test_a_known_token_is_not_verified_again(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    first = actor_of(bearer, header)
    assert actor_of(bearer, header, NOW + SECOND) is first
    assert len(verified) == 1


def test_a_known_token_ends_when_it_expires(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    actor_of(bearer, header)
    assert actor_of(bearer, header, NOW + 65 * SECOND - 1)
    assert detail_of(bearer, header, NOW + 65 * SECOND) == "token-expired"
    assert len(verified) == 2
    assert not bearer._known


def test_a_refused_token_is_not_kept(key: SigningKey, other: SigningKey, expected: Expected) -> None:
    bearer = Bearer([key.verifying], expected)
    assert detail_of(bearer, token_of(other)) == "token-key"
    assert not bearer._known


def test_the_least_recently_used_goes_first(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer = Bearer([key.verifying], expected, size=2)
    first, second, third = (token_of(key, name) for name in ("a", "b", "c"))
    for header in (first, second, first, third, first):
        actor_of(bearer, header)
    assert len(verified) == 3
    assert len(bearer._known) == 2
    actor_of(bearer, second)
    assert len(verified) == 4


def test_a_token_is_kept_under_its_hash_only(key: SigningKey, expected: Expected) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    actor_of(bearer, header)
    assert header.removeprefix(b"Bearer ").decode() not in repr(bearer._known)


URL = "https://hub.test/fhir/Patient"
DER = certificate("own").public_bytes(Encoding.DER)
PRINT = b64(sha256(DER).digest())
CERTIFICATE = (b"client-cert", b":" + b64encode(DER) + b":")
HOLDER = new_key()
BOUND = {"cnf": {"jkt": thumbprint(HOLDER)}}


def door(key: SigningKey, expected: Expected, **more: Any) -> Bearer:
    return Bearer([key.verifying], expected, **more)


def shown(scheme: str, token: str, *proofs: str, **more: Any) -> Presented:
    return Presented(f"{scheme} {token}".encode(), "GET", URL, [(b"dpop", each.encode()) for each in proofs], **more)


def outcome(bearer: Bearer, presented: Presented, now: int = NOW) -> str:
    """Return who is let in, or the code of the refusal."""
    try:
        found = bearer.known(presented.authorization, now) or asyncio.run(bearer.actor(presented, now))
    except Unauthorized as error:
        return error.issues[0].detail
    return found.reference


def proven(token: str, holder: Any = HOLDER) -> str:
    return proof(holder, "GET", URL, token, iat=NOW // SECOND)


def test_a_bound_token_of_our_own(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    bearer, token = door(key, expected), sign(key, {**claims, **BOUND})
    used = proven(token)
    assert outcome(bearer, shown("DPoP", token, used)) == "Practitioner/vos"
    assert outcome(bearer, shown("dpop", token, used)) == "dpop-replayed"
    assert outcome(bearer, shown("DPoP", token)) == "dpop-missing"
    assert outcome(bearer, shown("DPoP", token, proven(token, new_key()))) == "dpop-proof"
    assert outcome(bearer, shown("Bearer", token)) == "token-binding"
    assert outcome(bearer, shown("Bearer", token, proven(token))) == "token-binding"
    assert outcome(bearer, shown("DPoP", token, proven(token))) == "Practitioner/vos"


def test_a_bound_token_is_proven_anew_while_it_is_known(
    key: SigningKey, expected: Expected, claims: dict[str, Any], verified: list[str]
) -> None:
    bearer, token = door(key, expected), sign(key, {**claims, **BOUND})
    for _ in range(3):
        assert outcome(bearer, shown("DPoP", token, proven(token))) == "Practitioner/vos"
    assert len(verified) == 1
    assert bearer.known(f"DPoP {token}".encode(), NOW) is None
    assert outcome(bearer, shown("DPoP", token)) == "dpop-missing"


def test_a_token_that_is_bound_to_nothing_is_no_dpop_token(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    bearer, token = door(key, expected), sign(key, claims)
    assert outcome(bearer, shown("DPoP", token, proven(token))) == "token-binding"
    assert outcome(bearer, shown("Bearer", token)) == "Practitioner/vos"
    assert outcome(bearer, shown("DPoP", token, proven(token))) == "token-binding"


@pytest.mark.parametrize(
    "cnf",
    [
        {},
        [],
        None,
        "jkt",
        {"jkt": ""},
        {"jkt": 7},
        {"jkt": "short"},
        {"jwk": {"kty": "EC"}},
        {"kid": "k"},
        {"jku": "https://evil.test"},
        {"x5t": "A" * 43},
        {**BOUND["cnf"], "jwk": {}},
    ],
)
def test_bindings_that_are_not_understood_are_refused(
    cnf: Any, key: SigningKey, expected: Expected, claims: dict[str, Any]
) -> None:
    assert outcome(door(key, expected), shown("Bearer", sign(key, {**claims, "cnf": cnf}))) == "token-binding"


def test_a_token_that_is_bound_to_a_certificate(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    bearer = door(key, expected, certificates=Certificates.of("Client-Cert", "10.0.0.1"))
    token = sign(key, {**claims, "cnf": {"x5t#S256": PRINT}})
    mine = [CERTIFICATE]
    authorization = f"Bearer {token}".encode()
    for _ in range(2):
        assert outcome(bearer, Presented(authorization, headers=mine, peer="10.0.0.1")) == "Practitioner/vos"
    assert outcome(bearer, Presented(authorization, headers=mine, peer="10.0.0.2")) == "certificate-missing"
    assert outcome(bearer, Presented(authorization, peer="10.0.0.1")) == "certificate-missing"


def test_a_token_that_is_bound_to_both_needs_both(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    bearer = door(key, expected, certificates=Certificates.of("Client-Cert", "10.0.0.1"))
    token = sign(key, {**claims, "cnf": {**BOUND["cnf"], "x5t#S256": PRINT}})
    authorization = f"DPoP {token}".encode()
    fresh, mine = (b"dpop", proven(token).encode()), CERTIFICATE
    assert outcome(bearer, Presented(authorization, "GET", URL, [fresh], "10.0.0.1")) == "certificate-missing"
    assert outcome(bearer, Presented(authorization, "GET", URL, [mine], "10.0.0.1")) == "dpop-missing"
    assert outcome(bearer, Presented(authorization, "GET", URL, [fresh, mine], "10.0.0.1")) == "Practitioner/vos"


def test_a_revoked_token_is_refused_at_once(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    revoked: set[tuple[str, str, int]] = set()
    bearer = door(key, expected, revoked=lambda *what: what in revoked)
    plain, bound = sign(key, claims), sign(key, {**claims, **BOUND})
    assert outcome(bearer, shown("Bearer", plain)) == outcome(bearer, shown("DPoP", bound, proven(bound))) == "Practitioner/vos"
    revoked.add(("t-1", "Practitioner/vos", NOW // SECOND))
    assert outcome(bearer, shown("Bearer", plain)) == "token-revoked"
    assert outcome(bearer, shown("DPoP", bound, proven(bound))) == "token-revoked"
    assert outcome(door(key, expected, revoked=lambda *_: True), shown("Bearer", plain)) == "token-revoked"


def test_only_no_header_at_all_is_anonymous(key: SigningKey, expected: Expected) -> None:
    bearer = door(key, expected, anonymous=local_system())
    assert outcome(bearer, Presented(None)) == outcome(bearer, Presented(b"")) == "Device/local"
    assert outcome(bearer, Presented(b"Bearer a.b.c")) == "token-malformed"
    assert outcome(bearer, Presented(b"x")) == "token-malformed"


def test_new_keys_of_our_own_count_at_once(key: SigningKey, other: SigningKey, expected: Expected) -> None:
    keys = [key.verifying]
    bearer = Bearer(keys, expected)
    assert detail_of(bearer, token_of(other)) == "token-key"
    keys.append(other.verifying)
    assert actor_of(bearer, token_of(other)).reference == "Practitioner/vos"
