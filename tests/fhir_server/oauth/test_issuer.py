"""Tokens of other issuers under attack: each is worth what its own issuer's table says, by its own issuer's keys, and no more."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from forgery import forge, jwk_of

from fhir_server.errors import Forbidden, NoIssuer, Unauthorized
from fhir_server.oauth.bearer import Bearer
from fhir_server.oauth.claims import Expected
from fhir_server.oauth.introspection import Introspection
from fhir_server.oauth.issuer import Allowed, Issuer, Issuers
from fhir_server.oauth.issuer_claims import Choice, ClaimRules, Pointer
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.remote import Document, RemoteFailed
from fhir_server.oauth.remote_keys import GivenKeys
from fhir_server.oauth.token import TokenRequest, issue

NOW = 1_800_000_000
SECOND = 1_000_000
MICROS = NOW * SECOND
BASE = "https://hub.test/fhir"
A, B = "https://a.test", "https://b.test"
KEY_A, KEY_B = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ED = ed25519.Ed25519PrivateKey.generate()
RULES = ClaimRules(Choice(fixed="practitioner"), {"practitioner": Pointer("Practitioner", reference=("fhirUser",))})
CLAIMS = {
    "iss": A,
    "aud": BASE,
    "sub": "x",
    "fhirUser": "Practitioner/vos",
    "scope": "user/*.rs",
    "client_id": "app",
    "jti": "1",
    "iat": NOW,
    "exp": NOW + 600,
}
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
ALGORITHMS = ("ES256", "ES384", "RS256", "PS256", "EdDSA")


async def nobody(_type: str, _system: str, _value: str) -> tuple[str, ...]:
    return ()


def signed(name: str, issuer: str, jwk: dict[str, Any], **more: Any) -> Issuer:
    return Issuer(name, Allowed(issuer, BASE, **more), RULES, GivenKeys({"keys": [jwk]}))


class Node:
    """Answers introspection with ``content``; fails where it is None."""

    def __init__(self, content: dict[str, Any] | None) -> None:
        self.content = content
        self.asked: list[str] = []

    async def post(self, url: str, form: Any, authorization: str = "") -> Document:
        assert (url, authorization) == ("https://n.test/introspect", "Basic eDp5")
        self.asked.append(form["token"])
        if self.content is None:
            raise RemoteFailed("down")
        return Document(self.content)


def asked(node: Node, audience: str = "", **more: Any) -> Issuer:
    source = Introspection("https://n.test/introspect", "Basic eDp5", node)
    return Issuer("node", Allowed("https://n.test", audience, **more), RULES, source, opaque=True)


@pytest.fixture(scope="module")
def issuers(rsa_key: rsa.RSAPrivateKey) -> list[Issuer]:
    return [
        signed("a", A, jwk_of(KEY_A.public_key(), kid="k")),
        signed("b", B, jwk_of(KEY_B.public_key(), kid="k")),
        signed("r", "https://r.test", jwk_of(rsa_key.public_key(), kid="k"), algorithms=ALGORITHMS),
        signed("e", "https://e.test", jwk_of(ED.public_key(), kid="k"), algorithms=ALGORITHMS),
    ]


def door(key: SigningKey, *issuers: Issuer, **more: Any) -> Bearer:
    trusted = Issuers(issuers, BASE, nobody)
    return Bearer([key.verifying], Expected("https://hub.test", BASE), issuers=trusted, **more)


def outcome(bearer: Bearer, token: str, now: int = MICROS) -> str:
    """Return who is let in, or the code of the refusal."""
    header = f"Bearer {token}".encode()
    try:
        found = bearer.known(header, now) or asyncio.run(bearer.actor(Presented(header), now))
    except (Unauthorized, Forbidden, NoIssuer) as error:
        return "told too much" if "vos" in error.text else error.issues[0].detail
    return found.reference


def with_(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def test_a_good_token_of_each(key: SigningKey, issuers: list[Issuer], rsa_key: rsa.RSAPrivateKey) -> None:
    bearer = door(key, *issuers)
    for issuer, algorithm, private in [
        (A, "ES256", KEY_A),
        (B, "ES256", KEY_B),
        ("https://r.test", "RS256", rsa_key),
        ("https://r.test", "PS256", rsa_key),
        ("https://e.test", "EdDSA", ED),
    ]:
        token = forge({**HEADER, "alg": algorithm}, {**CLAIMS, "iss": issuer}, private)
        assert outcome(bearer, token) == "Practitioner/vos", algorithm
    own = issue(TokenRequest("Practitioner/own", "practitioner"), key, "https://hub.test", BASE, MICROS, "t")
    assert outcome(bearer, own) == "Practitioner/own"


def test_a_key_counts_for_its_own_issuer_only(key: SigningKey, issuers: list[Issuer]) -> None:
    bearer = door(key, *issuers)
    assert outcome(bearer, forge(HEADER, CLAIMS, KEY_B)) == "token-signature"
    assert outcome(bearer, forge(HEADER, {**CLAIMS, "iss": B}, KEY_A)) == "token-signature"
    own = {**CLAIMS, "iss": "https://hub.test", "role": "system"}
    assert outcome(bearer, forge({**HEADER, "kid": key.kid}, own, KEY_A)) == "token-signature"
    assert outcome(bearer, forge(HEADER, own, KEY_A)) == "token-key"
    assert outcome(bearer, forge({**HEADER, "kid": key.kid}, CLAIMS, key.private)) == "token-key"


def test_claims_of_our_own_tokens_mean_nothing_in_others(key: SigningKey, issuers: list[Issuer]) -> None:
    bearer = door(key, *issuers)
    claims = {**CLAIMS, "role": "system", "patient": "x", "organization": "Organization/x", "btg_reason": "r", "purpose": "BTG"}
    header = f"Bearer {forge(HEADER, claims, KEY_A)}".encode()
    actor = asyncio.run(bearer.actor(Presented(header), MICROS))
    assert (actor.role, actor.patient, actor.organisation, actor.reason, actor.purpose) == ("practitioner", "", "", "", "TREAT")
    assert (actor.token, actor.client) == ("a:1", "app")


@pytest.mark.parametrize("issuer", ["https://stranger.test", "", None, 7, ["https://a.test"], {"https://a.test": 1}])
def test_an_unknown_issuer(issuer: Any, key: SigningKey, issuers: list[Issuer]) -> None:
    token = forge(HEADER, with_(CLAIMS, iss=issuer), KEY_A)
    assert outcome(door(key, *issuers), token) in {"token-key", "token-claims", "token-issuer"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"aud": "https://other.test/fhir"}, "token-audience", id="aud of another server"),
        pytest.param({"aud": None}, "token-audience", id="no aud"),
        pytest.param({"aud": [BASE, "https://other.test"]}, "token-audience", id="aud of two servers"),
        pytest.param({"exp": None}, "token-claims", id="no exp"),
        pytest.param({"sub": None}, "token-claims", id="no sub"),
        pytest.param({"iat": None}, "token-claims", id="no iat"),
        pytest.param({"iat": NOW + 60, "exp": NOW + 120}, "token-not-yet-valid", id="iat in the future"),
        pytest.param({"nbf": NOW + 60}, "token-not-yet-valid", id="nbf in the future"),
        pytest.param({"iat": NOW - 600, "exp": NOW - 60}, "token-expired", id="expired"),
        pytest.param({"exp": NOW + 901}, "token-claims", id="longer than this issuer may"),
        pytest.param({"fhirUser": "Patient/1"}, "token-claims", id="a reference of another type"),
        pytest.param({"fhirUser": "https://a.test/Practitioner/1"}, "token-claims", id="a reference elsewhere"),
        pytest.param({"fhirUser": None}, "token-holder", id="no holder"),
        pytest.param({"cnf": {}}, "token-binding", id="a binding to nothing"),
        pytest.param({"cnf": {"jkt": "A" * 43}}, "token-binding", id="bound, under Bearer"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any], code: str, key: SigningKey, issuers: list[Issuer]) -> None:
    assert outcome(door(key, *issuers), forge(HEADER, with_(CLAIMS, **changes), KEY_A)) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"alg": "none"}, "token-header"),
        ({"alg": "RS256"}, "token-header"),
        ({"typ": "JWT"}, "token-header"),
        ({"typ": "dpop+jwt"}, "token-header"),
        ({"typ": None}, "token-header"),
        ({"kid": None}, "token-key"),
        ({"kid": "../../k"}, "token-key"),
        ({"kid": "' OR 1=1 --"}, "token-key"),
        ({"crit": ["exp"]}, "token-header"),
        ({"jwk": jwk_of(KEY_A.public_key())}, "token-header"),
        ({"jku": "https://evil.test"}, "token-header"),
        ({"x5u": "https://evil.test"}, "token-header"),
        ({"x5c": ["MII"]}, "token-header"),
        ({"cty": "JWT"}, "token-header"),
    ],
)
def test_headers_that_are_refused(changes: dict[str, Any], code: str, key: SigningKey, issuers: list[Issuer]) -> None:
    assert outcome(door(key, *issuers), forge(with_(HEADER, **changes), CLAIMS, KEY_A)) == code


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "raw"])
@pytest.mark.parametrize("kind", ["r", "e"])
def test_a_public_key_is_no_shared_secret(
    form: str, kind: str, key: SigningKey, issuers: list[Issuer], rsa_key: rsa.RSAPrivateKey
) -> None:
    public: Any = rsa_key.public_key() if kind == "r" else ED.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk_of(public, kid="k")).encode(),
        "raw": public.public_bytes_raw() if kind == "e" else str(public.public_numbers().n).encode(),
    }[form]
    bearer = door(key, *issuers)
    claims = {**CLAIMS, "iss": f"https://{kind}.test"}
    for algorithm in ("HS256", "HS384", "HS512", "none"):
        assert outcome(bearer, forge({**HEADER, "alg": algorithm}, claims, secret)) == "token-header"
    for algorithm in ALGORITHMS:
        assert outcome(bearer, forge({**HEADER, "alg": algorithm}, claims, secret)) in {"token-key", "token-signature"}


def test_one_rsa_padding_is_not_the_other(key: SigningKey, issuers: list[Issuer], rsa_key: rsa.RSAPrivateKey) -> None:
    claims = {**CLAIMS, "iss": "https://r.test"}
    good = forge({**HEADER, "alg": "PS256"}, claims, rsa_key)
    bearer = door(key, *issuers)
    first, second, _ = forge({**HEADER, "alg": "RS256"}, claims, rsa_key).split(".")
    assert outcome(bearer, f"{first}.{second}.{good.rpartition('.')[2]}") == "token-signature"
    only = replace(issuers[2], allowed=replace(issuers[2].allowed, algorithms=("PS256",)))
    assert outcome(door(key, only), good) == "Practitioner/vos"
    assert outcome(door(key, only), forge({**HEADER, "alg": "RS256"}, claims, rsa_key)) == "token-header"


def test_weak_keys_verify_nothing(key: SigningKey) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    small = rsa.generate_private_key(3, 2048)
    for private in (weak, small):
        issuer = signed("w", A, jwk_of(private.public_key(), kid="k"), algorithms=ALGORITHMS)
        assert outcome(door(key, issuer), forge({**HEADER, "alg": "RS256"}, CLAIMS, private)) == "token-key"


@pytest.mark.parametrize("more", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ES384"}, {"alg": "ECDH-ES"}])
def test_keys_for_something_else_verify_nothing(more: dict[str, Any], key: SigningKey) -> None:
    issuer = signed("a", A, jwk_of(KEY_A.public_key(), kid="k", **more))
    assert outcome(door(key, issuer), forge(HEADER, CLAIMS, KEY_A)) == "token-key"


def test_what_an_issuer_may_be_held_to(key: SigningKey) -> None:
    jwk = jwk_of(KEY_A.public_key(), kid="k")
    token = forge(HEADER, CLAIMS, KEY_A)
    assert outcome(door(key, signed("a", A, jwk, clients=frozenset({"app"}))), token) == "Practitioner/vos"
    assert outcome(door(key, signed("a", A, jwk, clients=frozenset({"other"}))), token) == "token-client"
    assert outcome(door(key, signed("a", A, jwk, required_scopes=frozenset({"hub"}))), token) == "token-scope"
    assert outcome(door(key, signed("a", A, jwk, required_scopes=frozenset({"user/*.rs"}))), token) == "Practitioner/vos"
    assert outcome(door(key, signed("a", A, jwk, bound=True)), token) == "token-binding"
    typed = signed("a", A, jwk, types=("at+jwt", "jwt"))
    assert outcome(door(key, typed), forge({**HEADER, "typ": "JWT"}, CLAIMS, KEY_A)) == "Practitioner/vos"


def test_a_double_member_or_a_huge_token(key: SigningKey, issuers: list[Issuer]) -> None:
    bearer = door(key, *issuers)
    double = json.dumps(CLAIMS).replace('"iss"', f'"iss": "{B}", "iss"', 1).encode()
    assert outcome(bearer, forge(HEADER, double, KEY_A)) == "token-malformed"
    assert outcome(bearer, forge(HEADER, {**CLAIMS, "more": "x" * 9000}, KEY_A)) == "token-malformed"
    assert outcome(bearer, forge(HEADER, forge(HEADER, CLAIMS, KEY_A).encode(), KEY_A)) == "token-malformed"
    assert outcome(bearer, "opaque") == "token-malformed"
    node = Node(ANSWER)
    assert outcome(door(key, asked(node)), "x" * 8193) == "token-malformed"
    assert node.asked == []


ANSWER = {**CLAIMS, "active": True, "iss": "https://n.test"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "Practitioner/vos"),
        ({"sub": None, "iat": None, "aud": None}, "Practitioner/vos"),
        ({"active": False}, "token-inactive"),
        ({"active": None}, "token-inactive"),
        ({"active": 1}, "token-inactive"),
        ({"active": "true"}, "token-inactive"),
        ({"iss": A}, "token-issuer"),
        ({"iss": None}, "token-claims"),
        ({"exp": None}, "token-claims"),
        ({"exp": str(NOW + 60)}, "token-claims"),
        ({"exp": NOW - 6}, "token-expired"),
        ({"nbf": NOW + 6}, "token-not-yet-valid"),
        ({"iat": NOW + 6}, "token-not-yet-valid"),
        ({"cnf": {"jkt": "A" * 43}}, "token-binding"),
        ({"fhirUser": None}, "token-holder"),
    ],
)
def test_what_introspection_says_is_looked_at(changes: dict[str, Any], code: str, key: SigningKey) -> None:
    assert outcome(door(key, asked(Node(with_(ANSWER, **changes)))), "opaque") == code


def test_an_audience_may_be_wanted_of_introspection_too(key: SigningKey) -> None:
    assert outcome(door(key, asked(Node(ANSWER), BASE)), "opaque") == "Practitioner/vos"
    assert outcome(door(key, asked(Node(with_(ANSWER, aud=None)), BASE)), "opaque") == "token-audience"
    assert outcome(door(key, asked(Node({**ANSWER, "aud": "https://other.test"}), BASE)), "opaque") == "token-audience"


def test_an_answer_is_kept_for_a_moment_and_never_beyond_its_end(key: SigningKey) -> None:
    node = Node({**ANSWER, "exp": NOW + 20})
    bearer = door(key, asked(node))
    for second in (0, 10, 24):
        assert outcome(bearer, "opaque", MICROS + second * SECOND) == "Practitioner/vos"
    assert len(node.asked) == 1
    assert outcome(bearer, "opaque", MICROS + 25 * SECOND) == "token-expired"
    node.content = ANSWER
    assert outcome(bearer, "opaque", MICROS + 26 * SECOND) == "Practitioner/vos"
    node.content = {"active": False}
    assert outcome(bearer, "opaque", MICROS + 55 * SECOND) == "Practitioner/vos"
    assert outcome(bearer, "opaque", MICROS + 56 * SECOND) == "token-inactive"
    assert outcome(bearer, "opaque", MICROS + 57 * SECOND) == "token-inactive"
    assert len(node.asked) == 5


def test_an_issuer_that_cannot_be_asked_is_not_the_callers_fault(key: SigningKey) -> None:
    assert outcome(door(key, asked(Node(None))), "opaque") == "issuer-unavailable"


def test_a_token_goes_to_its_own_issuer_only(key: SigningKey, issuers: list[Issuer]) -> None:
    node = Node(ANSWER)
    bearer = door(key, *issuers, asked(node))
    outcome(bearer, forge(HEADER, CLAIMS, KEY_A))
    outcome(bearer, forge(HEADER, {**CLAIMS, "iss": "https://stranger.test"}, KEY_A))
    assert outcome(bearer, issue(TokenRequest("Practitioner/own", "practitioner"), key, "https://hub.test", BASE, MICROS, "t"))
    assert node.asked == []
    jwt = forge(HEADER, {**CLAIMS, "iss": "https://n.test"}, KEY_B)
    assert outcome(bearer, jwt) == "Practitioner/vos"
    assert node.asked == [jwt]


def test_the_holder_is_looked_up_anew_every_minute(key: SigningKey) -> None:
    found: list[tuple[str, ...]] = [("Practitioner/vos",)]

    async def resolve(type_: str, system: str, value: str) -> tuple[str, ...]:
        assert (type_, system, value) == ("Practitioner", "urn:email", "v@x.test")
        return found[0]

    rules = replace(RULES, holders={"practitioner": Pointer("Practitioner", identifier=("email",), system="urn:email")})
    issuer = replace(signed("a", A, jwk_of(KEY_A.public_key(), kid="k")), rules=rules)
    bearer = Bearer([key.verifying], Expected("https://hub.test", BASE), issuers=Issuers([issuer], BASE, resolve))
    token = forge(HEADER, {**CLAIMS, "email": "v@x.test"}, KEY_A)
    assert outcome(bearer, token) == "Practitioner/vos"
    found[0] = ()
    assert outcome(bearer, token, MICROS + 60 * SECOND - 1) == "Practitioner/vos"
    assert outcome(bearer, token, MICROS + 60 * SECOND) == "token-holder"


def test_a_token_without_id_is_known_by_its_hash(key: SigningKey) -> None:
    bearer = door(key, signed("a", A, jwk_of(KEY_A.public_key(), kid="k")))
    names = set()
    for number in range(2):
        token = forge(HEADER, {**with_(CLAIMS, jti=None), "n": number}, KEY_A)
        names.add(asyncio.run(bearer.actor(Presented(f"Bearer {token}".encode()), MICROS)).token)
        assert token not in repr(bearer._known)
    assert len(names) == 2
    assert all(name.startswith("a:") and len(name) == 34 for name in names)
