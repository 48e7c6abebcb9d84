"""``issuers.toml``: the example of the documentation, and what is wrong with a file, named by table and key."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from forgery import jwk_of

from fhir_server.oauth.introspection import Introspection
from fhir_server.oauth.issuer import Issuer
from fhir_server.oauth.issuer_file import Surroundings, parse_issuers, read_issuers
from fhir_server.oauth.issuer_table import InvalidIssuers
from fhir_server.oauth.remote import Remote
from fhir_server.oauth.remote_keys import GivenKeys, RemoteKeys

ROOT = Path(__file__).resolve().parents[3]
AROUND = Surroundings("https://hub.test/fhir", "https://hub.test", {"NODE_AUTHORIZATION": "Basic eDp5"}, Remote())
HERE = Surroundings("http://127.0.0.1:8000/fhir", "http://127.0.0.1:8000", {}, Remote())
JWK = jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key(), kid="k")
SMALL = {"issuer": "https://a.test", "jwks_uri": "https://a.test/jwks", "role": "practitioner"}
HOLDER = {"practitioner": {"reference": "fhirUser"}}


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f'"{key}" = {toml(each)}' for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return f'"{value}"'
    return str(value)


def table(name: str = "a", **keys: Any) -> str:
    told = {name: value for name, value in {**SMALL, "holder": HOLDER, **keys}.items() if value is not None}
    return "\n".join([f"[{name}]", *(f"{key} = {toml(value)}" for key, value in told.items()), ""])


def one(around: Surroundings = AROUND, **keys: Any) -> Issuer:
    (found,) = parse_issuers(table(**keys), around)
    return found


def test_the_example_of_the_documentation() -> None:
    text = (ROOT / "docs" / "tokens.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    nuts, hospital = parse_issuers(text, AROUND)
    assert isinstance(nuts.source, Introspection)
    assert nuts.source.authorization == "Basic eDp5"
    assert (nuts.opaque, nuts.allowed.audience, nuts.allowed.proof_with_bearer, nuts.allowed.bound) == (True, "", True, False)
    assert set(nuts.rules.holders) == {"practitioner", "related-person"}
    assert isinstance(hospital.source, RemoteKeys)
    assert (hospital.allowed.audience, hospital.allowed.bound, hospital.opaque) == ("https://hub.test/fhir", True, False)
    assert hospital.rules.role.claim == ("realm_access", "roles")


def test_what_is_not_said_is_the_narrow_thing() -> None:
    allowed = one().allowed
    assert (allowed.audience, allowed.types, allowed.lifetime) == ("https://hub.test/fhir", ("at+jwt",), 900)
    assert allowed.algorithms == ("ES256", "ES384", "PS256", "EdDSA")
    assert not allowed.proof_with_bearer


def test_keys_within_the_file() -> None:
    assert isinstance(one(jwks_uri=None, jwks={"keys": [JWK]}).source, GivenKeys)


def test_loopback_for_a_hub_on_loopback_only() -> None:
    assert one(HERE, jwks_uri="http://127.0.0.1:9/jwks")
    with pytest.raises(InvalidIssuers, match="https"):
        one(jwks_uri="http://127.0.0.1:9/jwks")
    with pytest.raises(InvalidIssuers, match="https"):
        one(HERE, jwks_uri="http://a.test/jwks")


ASKED = {"jwks_uri": None, "introspection": "https://a.test/introspect"}


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"issuer": None}, r"\[a\] issuer"),
        ({"issuer": 7}, "issuer must be a string"),
        ({"issuer": "https://hub.test"}, "not that of this server"),
        ({"jwks_uri": None}, "exactly one"),
        ({"introspection": "https://a.test/i"}, "exactly one"),
        ({"jwks_uri": "https://u@a.test/"}, "jwks_uri must be an https URL"),
        ({"jwks_uri": None, "jwks": {"keys": []}}, "JWK Set"),
        ({"jwks_uri": None, "jwks": "{}"}, "JWK Set"),
        ({"jwks_uri": None, "jwks": {"keys": [{"kty": "oct", "kid": "k", "k": "AA"}]}}, "cannot be used"),
        ({"jwks_uri": None, "jwks": {"keys": [{**JWK, "d": "AA"}]}}, "cannot be used"),
        ({"algorithms": ["none"]}, "algorithms has 'none'"),
        ({"algorithms": ["HS256"]}, "algorithms has 'HS256'"),
        ({"algorithms": []}, "not empty"),
        ({"types": "at+jwt"}, "types must be an array"),
        ({"lifetime": 0}, "lifetime must be a whole number"),
        ({"lifetime": 86_401}, "lifetime must be a whole number"),
        ({"lifetime": True}, "lifetime must be a whole number"),
        ({"audience": ""}, "audience can be empty only"),
        ({"opaque": True}, "unknown key: opaque"),
        ({"credentials": "env:X"}, "unknown key: credentials"),
        ({**ASKED, "credentials": "env:X"}, "credentials must be env:NAME or file:PATH"),
        ({**ASKED, "credentials": "s3cret"}, "credentials must be env:NAME or file:PATH"),
        ({"bound": "yes"}, "bound must be true or false"),
        ({"colour": "red"}, "unknown key: colour"),
        ({"equal": "ura"}, "equal must be pairs of claims"),
        ({"equal": [["ura"]]}, "equal must be pairs of claims"),
        ({"equal": [["ura", 7]]}, "must be the path of a claim"),
        ({"role": "doctor"}, "role must give one of"),
        ({"role": None}, "role must give one of"),
        ({"role": {"claim": "r", "values": {"a": "doctor"}}}, "role must give one of"),
        ({"role": {"claim": "r"}}, "claim .a path. and values"),
        ({"role": {"claim": "r..s", "values": {"a": "patient"}}}, "path of a claim"),
        ({"role": {"claim": "r", "values": {"a": "practitioner"}, "more": 1}}, "unknown key: more"),
        ({"role": {"claim": "r", "values": {"a": "practitioner", "b": "patient"}}}, r"\[a.holder\] patient is missing"),
        ({"holder": None}, "holder is missing"),
        ({"holder": {**HOLDER, "patient": {"reference": "p"}}}, "unknown key: patient"),
        ({"holder": {"practitioner": {}}}, "either reference or identifier"),
        ({"holder": {"practitioner": {"reference": "a", "identifier": "b", "system": "c"}}}, "either reference or identifier"),
        ({"holder": {"practitioner": {"identifier": "b"}}}, "must have system"),
        ({"holder": {"practitioner": {"reference": "b", "system": "c"}}}, "must have system"),
        ({"holder": {"practitioner": "Patient/1"}}, "does not fit the role"),
        ({"holder": {"practitioner": "nobody"}}, "form Type/id"),
        ({"scopes": {"a": "everything"}}, "scopes.a must be SMART scopes"),
        ({"scopes": {"a": 7}}, "table of strings"),
        ({"purpose": {"claim": "p"}}, "purpose"),
        ({"patient": {"identifier": "p"}}, "must have system"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidIssuers, match=text):
        one(**keys)


def test_two_tables_must_differ() -> None:
    with pytest.raises(InvalidIssuers, match="same issuer"):
        parse_issuers(table("a") + table("b"), AROUND)
    asked = {**ASKED, "opaque": True}
    with pytest.raises(InvalidIssuers, match="same opaque"):
        parse_issuers(table("a", **asked) + table("b", issuer="https://b.test", **asked), AROUND)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidIssuers, match=r"issuers\.toml"):
        read_issuers(tmp_path / "issuers.toml", AROUND)
    for content in (b"[a", b"\xff", b"a = 1"):
        (tmp_path / "issuers.toml").write_bytes(content)
        with pytest.raises(InvalidIssuers, match=r"issuers\.toml: "):
            read_issuers(tmp_path / "issuers.toml", AROUND)


def test_a_secret_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("Basic c2VjcmV0\n")
    found = one(**ASKED, credentials=f"file:{tmp_path}/secret")
    assert isinstance(found.source, Introspection)
    assert found.source.authorization == "Basic c2VjcmV0"
    assert "c2VjcmV0" not in repr(found)
