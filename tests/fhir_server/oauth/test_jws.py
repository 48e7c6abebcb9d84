"""Every way in which a token can be wrong, each with the code that the caller gets."""

import ast
import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from forgery import b64, forge, jwk_of, part
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Unauthorized
from fhir_server.oauth.claims import Expected
from fhir_server.oauth.compact import SIZE_LIMIT
from fhir_server.oauth.jwk import SigningKey, VerifyingKey, verifying_key
from fhir_server.oauth.jws import sign, verify

NOW = 1_800_000_000
MICROS = NOW * 1_000_000
ABSENT = object()

Values = dict[str, Any]


def code_of(token: str, keys: list[VerifyingKey], expected: Expected, now: int = MICROS) -> str:
    with pytest.raises(Unauthorized) as caught:
        verify(token, keys, expected, now)
    error = caught.value
    assert error.headers == ((b"www-authenticate", b'Bearer error="invalid_token"'),)
    assert "vos" not in error.text
    assert "hub.test" not in error.text
    return error.issues[0].detail


def with_(values: Values, **changes: Any) -> Values:
    return {name: value for name, value in {**values, **changes}.items() if value is not ABSENT}


def test_a_good_token_gives_its_claims(key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    assert verify(forge(header, claims, key.private), [key.verifying], expected, MICROS) == claims
    assert verify(sign(key, claims), [key.verifying], expected, MICROS) == claims


def test_what_is_signed_here_carries_type_algorithm_and_key_and_no_more(key: SigningKey, claims: Values) -> None:
    first = sign(key, claims).split(".")[0]
    assert json.loads(urlsafe_b64decode(first + "==")) == {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"iss": ABSENT}, "token-claims", id="no iss"),
        pytest.param({"iss": "https://evil.test"}, "token-issuer", id="another issuer"),
        pytest.param({"iss": ["https://hub.test"]}, "token-claims", id="iss as list"),
        pytest.param({"aud": ABSENT}, "token-audience", id="no aud"),
        pytest.param({"aud": "https://other.test/fhir"}, "token-audience", id="aud of another server"),
        pytest.param({"aud": "https://hub.test"}, "token-audience", id="aud is a prefix of ours"),
        pytest.param({"aud": "https://hub.test/fhir/"}, "token-audience", id="aud with a slash"),
        pytest.param({"aud": []}, "token-audience", id="aud as empty list"),
        pytest.param({"aud": ["https://other.test/fhir", "https://hub.test/fhir"]}, "token-audience", id="aud of two servers"),
        pytest.param({"aud": [["https://hub.test/fhir"]]}, "token-audience", id="aud nested"),
        pytest.param({"aud": {"https://hub.test/fhir": 1}}, "token-audience", id="aud as object"),
        pytest.param({"sub": ABSENT}, "token-claims", id="no sub"),
        pytest.param({"sub": ""}, "token-claims", id="empty sub"),
        pytest.param({"sub": 7}, "token-claims", id="sub as number"),
        pytest.param({"exp": ABSENT}, "token-claims", id="no exp"),
        pytest.param({"exp": str(NOW + 60)}, "token-claims", id="exp as text"),
        pytest.param({"exp": NOW + 60.5}, "token-claims", id="exp as fraction"),
        pytest.param({"exp": True}, "token-claims", id="exp as boolean"),
        pytest.param({"exp": None}, "token-claims", id="exp null"),
        pytest.param({"exp": 10**30}, "token-claims", id="exp out of range"),
        pytest.param({"exp": -1}, "token-claims", id="exp negative"),
        pytest.param({"exp": NOW + 86_401}, "token-claims", id="valid for too long"),
        pytest.param({"exp": NOW}, "token-claims", id="valid for no time"),
        pytest.param({"iat": ABSENT}, "token-claims", id="no iat"),
        pytest.param({"iat": str(NOW)}, "token-claims", id="iat as text"),
        pytest.param({"iat": NOW + 6}, "token-not-yet-valid", id="iat in the future"),
        pytest.param({"nbf": NOW + 6}, "token-not-yet-valid", id="nbf in the future"),
        pytest.param({"nbf": "0"}, "token-claims", id="nbf as text"),
        pytest.param({"iat": NOW + 6, "nbf": NOW}, "token-not-yet-valid", id="iat in the future, nbf not"),
        pytest.param({"nbf": True}, "token-claims", id="nbf as boolean"),
        pytest.param({"nbf": None}, "token-claims", id="nbf null"),
        pytest.param({"iat": NOW - 100, "exp": NOW - 5}, "token-expired", id="expired"),
    ],
)
def test_claims_that_are_refused(
    changes: Values, code: str, key: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    assert code_of(forge(header, with_(claims, **changes), key.private), [key.verifying], expected) == code


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": ["https://hub.test/fhir"]}, id="aud as list of one"),
        pytest.param({"iat": NOW + 5}, id="iat within the leeway"),
        pytest.param({"nbf": NOW + 5}, id="nbf within the leeway"),
        pytest.param({"iat": NOW - 100, "exp": NOW - 4}, id="expired within the leeway"),
        pytest.param({"exp": NOW + 86_400}, id="the longest life"),
        pytest.param({"crit": ["x"], "kid": "x"}, id="claims called like header members"),
    ],
)
def test_claims_that_are_accepted(changes: Values, key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    assert verify(forge(header, with_(claims, **changes), key.private), [key.verifying], expected, MICROS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"alg": "none"}, "token-header", id="alg none"),
        pytest.param({"alg": "None"}, "token-header", id="alg None"),
        pytest.param({"alg": "es256"}, "token-header", id="alg in lower case"),
        pytest.param({"alg": ABSENT}, "token-header", id="no alg"),
        pytest.param({"alg": ["ES256"]}, "token-header", id="alg as list"),
        pytest.param({"alg": "RS256"}, "token-header", id="alg of another purpose"),
        pytest.param({"typ": ABSENT}, "token-header", id="no typ"),
        pytest.param({"typ": "JWT"}, "token-header", id="typ of an id token"),
        pytest.param({"typ": "dpop+jwt"}, "token-header", id="typ of a proof"),
        pytest.param({"typ": ["at+jwt"]}, "token-header", id="typ as list"),
        pytest.param({"kid": ABSENT}, "token-key", id="no kid"),
        pytest.param({"kid": "other"}, "token-key", id="wrong kid"),
        pytest.param({"kid": ["a"]}, "token-key", id="kid as list"),
        pytest.param({"crit": ["exp"], "exp": 1}, "token-header", id="crit"),
        pytest.param({"crit": []}, "token-header", id="empty crit"),
        pytest.param({"b64": False}, "token-header", id="b64"),
        pytest.param({"jku": "https://evil.test/jwks"}, "token-header", id="jku"),
        pytest.param({"x5u": "https://evil.test/cert"}, "token-header", id="x5u"),
        pytest.param({"x5c": ["MII"]}, "token-header", id="x5c"),
        pytest.param({"cty": "JWT"}, "token-header", id="nested token"),
        pytest.param({"zip": "DEF"}, "token-header", id="compressed"),
    ],
)
def test_headers_that_are_refused(
    changes: Values, code: str, key: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    assert code_of(forge(with_(header, **changes), claims, key.private), [key.verifying], expected) == code


def test_the_type_may_be_written_as_a_media_type(key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    token = forge({**header, "typ": "application/AT+JWT"}, claims, key.private)
    assert verify(token, [key.verifying], expected, MICROS) == claims


def test_a_key_that_the_token_brings_is_not_used(
    key: SigningKey, other: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    brought = {**header, "jwk": jwk_of(other.private.public_key())}
    assert code_of(forge(brought, claims, other.private), [key.verifying], expected) == "token-header"


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_the_public_key_is_no_shared_secret(form: str, key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    public = key.private.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(key.jwk()).encode(),
    }[form]
    for algorithm in ("HS256", "HS384", "HS512"):
        assert code_of(forge({**header, "alg": algorithm}, claims, secret), [key.verifying], expected) == "token-header"
    assert code_of(forge(header, claims, secret), [key.verifying], expected) == "token-signature"


def test_a_signature_of_another_key_does_not_verify(
    key: SigningKey, other: SigningKey, rsa_key: rsa.RSAPrivateKey, expected: Expected, header: Values, claims: Values
) -> None:
    for stranger in (other.private, rsa_key):
        assert code_of(forge(header, claims, stranger), [key.verifying, other.verifying], expected) == "token-signature"


def test_the_kid_decides_which_key_is_tried(
    key: SigningKey, other: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    keys = [key.verifying, other.verifying]
    assert verify(forge({**header, "kid": other.kid}, claims, other.private), keys, expected, MICROS) == claims
    assert code_of(forge({**header, "kid": other.kid}, claims, key.private), keys, expected) == "token-signature"


def test_two_keys_with_one_kid_are_none(
    key: SigningKey, other: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    twin = VerifyingKey(key.kid, "ES256", other.private.public_key())
    assert code_of(forge(header, claims, key.private), [key.verifying, twin], expected) == "token-key"


def test_a_key_is_used_with_its_own_algorithm_only(rsa_key: rsa.RSAPrivateKey, claims: Values) -> None:
    expected = Expected("https://hub.test", "https://hub.test/fhir", algorithms=("ES256", "ES384", "RS256"))
    p384 = ec.generate_private_key(ec.SECP384R1())
    keys = [verifying_key(jwk_of(private.public_key(), kid="k")) for private in (rsa_key, p384)]
    header = {"typ": "at+jwt", "kid": "k"}
    assert verify(forge({**header, "alg": "RS256"}, claims, rsa_key), keys, expected, MICROS) == claims
    assert verify(forge({**header, "alg": "ES384"}, claims, p384), keys, expected, MICROS) == claims
    assert code_of(forge({**header, "alg": "ES256"}, claims, p384), keys, expected) == "token-key"
    assert code_of(forge({**header, "alg": "RS256"}, claims, p384), keys, expected) == "token-signature"


def test_the_library_is_told_the_one_algorithm(
    monkeypatch: pytest.MonkeyPatch, key: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("jose.jws.verify", lambda _token, _key, algorithms: told.append(algorithms))
    verify(forge(header, claims, key.private), [key.verifying], expected, MICROS)
    assert told == [["ES256"]]


def test_tampered_payload(key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    first, _, signature = forge(header, claims, key.private).split(".")
    token = f"{first}.{part({**claims, 'role': 'system'})}.{signature}"
    assert code_of(token, [key.verifying], expected) == "token-signature"


def test_a_signature_of_zeros_or_of_another_length_does_not_verify(
    key: SigningKey, expected: Expected, header: Values, claims: Values
) -> None:
    text = forge(header, claims, key.private).rpartition(".")[0]
    for raw in (bytes(64), bytes(63), bytes(65), b"\xff" * 64, b"x"):
        assert code_of(f"{text}.{b64(raw)}", [key.verifying], expected) == "token-signature"


@pytest.mark.parametrize(
    "header_bytes",
    [
        b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"k"}',
        b'{"alg":"ES256","typ":"at+jwt","kid":"a","kid":"k"}',
        b'["ES256"]',
        b'"ES256"',
        b"null",
        b"{",
        b"\xff",
        b"",
        b"[" * 3000,
        b'{"alg":NaN}',
    ],
)
def test_headers_that_are_no_object_with_each_member_once(
    header_bytes: bytes, key: SigningKey, expected: Expected, claims: Values
) -> None:
    assert code_of(forge(header_bytes, claims, key.private), [key.verifying], expected) == "token-malformed"


@pytest.mark.parametrize("payload", [b'{"sub":"a","sub":"b"}', b'{"a":{"b":1,"b":2}}', b"[]", b"text", b'{"exp":Infinity}'])
def test_payloads_that_are_no_object_with_each_member_once(
    payload: bytes, key: SigningKey, expected: Expected, header: Values
) -> None:
    assert code_of(forge(header, payload, key.private), [key.verifying], expected) == "token-malformed"


def test_a_token_has_exactly_one_spelling(key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    good = forge(header, claims, key.private)
    first, second, signature = good.split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = signature[:-1] + letters[letters.index(signature[-1]) ^ 1]
    spellings = [
        f"{first}.{second}.{signature}==",
        f"{first}.{second}.{spare}",
        f"{first}.{second}.{signature}\n",
        f" {good}",
        f"{first}.{second}.{signature[:10]}*{signature[10:]}",
        f"{first}.{second}",
        f"{first}.{second}.",
        f"{first}..{signature}",
        f".{second}.{signature}",
        f"{good}.x",
        f"{first}.{second}.{signature}.{first}.{second}",
        "",
        "....",
        f"{first}.{second}.A",
    ]
    for token in spellings:
        assert code_of(token, [key.verifying], expected) == "token-malformed", token


def test_a_huge_token_is_refused_before_it_is_read(key: SigningKey, expected: Expected, header: Values, claims: Values) -> None:
    token = forge(header, {**claims, "more": "x" * SIZE_LIMIT}, key.private)
    assert code_of(token, [key.verifying], expected) == "token-malformed"
    assert verify(forge(header, {**claims, "more": "x" * 4000}, key.private), [key.verifying], expected, MICROS)


@given(where=st.integers(min_value=0), letter=st.sampled_from("ABab01-_.="))
def test_no_changed_letter_goes_through(where: int, letter: str, key: SigningKey) -> None:
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": NOW, "exp": NOW + 60}
    token = sign(key, claims)
    at = where % len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(Unauthorized):
            verify(changed, [key.verifying], Expected("i", "a"), MICROS)


def test_nobody_else_touches_the_jose_libraries() -> None:
    root = Path(__file__).parents[3]
    folders = ("fhir_server", "profiles", "mappings", "adapters", "terminology", "conformance")
    found = {str(path.relative_to(root)) for folder in folders for path in root.glob(f"{folder}/**/*.py") if _imports_jose(path)}
    assert found == {"fhir_server/oauth/jws.py"}


def _imports_jose(path: Path) -> bool:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return any(name.split(".")[0] in {"jose", "joserfc", "jwt", "authlib"} for name in names)
