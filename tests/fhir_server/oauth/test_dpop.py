"""Proofs of possession: what a good one is, and every way to make one that is none."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from forgery import b64, forge, jwk_of
from hypothesis import given
from hypothesis import strategies as st
from simulated_issuer import thumbprint

from fhir_server.errors import Unauthorized
from fhir_server.oauth.dpop import Proofs, proof_of, same_place
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.replays import MemoryReplays

SECOND = 1_000_000
NOW = 1_800_000_000
MICROS = NOW * SECOND + 400_000
URL = "https://hub.test/fhir/Patient/1"
TOKEN = b"the.access.token"
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
JKT = thumbprint(KEY)
ABSENT = object()

HEADER = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of(KEY.public_key())}
CLAIMS = {"jti": "p-1", "htm": "GET", "htu": URL, "iat": NOW, "ath": b64(sha256(TOKEN).digest())}


def with_(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**values, **changes}.items() if value is not ABSENT}


def made(header: Any = HEADER, claims: Any = CLAIMS, key: Any = KEY) -> bytes:
    return forge(header, claims, key).encode()


def code_of(raw: bytes, method: str = "GET", url: str = URL, token: bytes = TOKEN, jkt: str = JKT, now: int = MICROS) -> str:
    with pytest.raises(Unauthorized) as caught:
        proof_of(raw, method, url, token, jkt, now)
    assert caught.value.headers[0][1].startswith(b'DPoP error="invalid_dpop_proof", algs="')
    return caught.value.issues[0].detail


def test_a_good_proof() -> None:
    assert proof_of(made(), "GET", URL, TOKEN, JKT, MICROS).issued == NOW * SECOND


@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "PS256", "EdDSA"])
def test_the_other_algorithms(algorithm: str, rsa_key: rsa.RSAPrivateKey) -> None:
    key = {"ES384": ec.generate_private_key(ec.SECP384R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate()}.get(algorithm, rsa_key)
    jwk = jwk_of(key.public_key())
    required = {name: jwk[name] for name in sorted(jwk)}
    jkt = b64(sha256(json.dumps(required, separators=(",", ":")).encode()).digest())
    raw = made({"typ": "dpop+jwt", "alg": algorithm, "jwk": jwk}, key=key)
    assert proof_of(raw, "GET", URL, TOKEN, jkt, MICROS)
    first, second, signature = raw.decode().split(".")
    assert code_of(f"{first}.{second}.{signature[:-8]}AAAAAAAA".encode(), jkt=jkt) == "dpop-proof"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"typ": "at+jwt"}, id="an access token"),
        pytest.param({"typ": "JWT"}, id="any token"),
        pytest.param({"typ": ABSENT}, id="no typ"),
        pytest.param({"alg": "none"}, id="alg none"),
        pytest.param({"alg": "HS256"}, id="a shared secret"),
        pytest.param({"alg": "ES384"}, id="alg of another curve"),
        pytest.param({"alg": "RS256"}, id="alg of another type"),
        pytest.param({"alg": ["ES256"]}, id="alg as list"),
        pytest.param({"alg": ABSENT}, id="no alg"),
        pytest.param({"jwk": ABSENT}, id="no key"),
        pytest.param({"jwk": "key"}, id="key as text"),
        pytest.param({"jwk": {}}, id="empty key"),
        pytest.param({"jwk": jwk_of(KEY.public_key(), d="AAAA")}, id="private key"),
        pytest.param({"jwk": {"kty": "oct", "k": "AAAA"}}, id="shared key"),
        pytest.param({"jwk": jwk_of(KEY.public_key(), use="enc")}, id="use enc"),
        pytest.param({"jwk": jwk_of(KEY.public_key(), key_ops=["sign"])}, id="key_ops sign"),
        pytest.param({"jwk": jwk_of(KEY.public_key(), alg="ES384")}, id="key for another alg"),
        pytest.param({"jwk": jwk_of(OTHER.public_key())}, id="key of somebody else"),
        pytest.param({"kid": "x"}, id="kid"),
        pytest.param({"crit": ["exp"]}, id="crit"),
        pytest.param({"jku": "https://evil.test/jwks"}, id="jku"),
        pytest.param({"x5u": "https://evil.test/x"}, id="x5u"),
        pytest.param({"x5c": ["MII"]}, id="x5c"),
        pytest.param({"b64": False}, id="b64"),
    ],
)
def test_headers_that_are_refused(changes: dict[str, Any]) -> None:
    assert code_of(made(with_(HEADER, **changes))) == "dpop-proof"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"htm": "POST"}, id="another method"),
        pytest.param({"htm": "get"}, id="method in lower case"),
        pytest.param({"htm": ABSENT}, id="no method"),
        pytest.param({"htu": "https://evil.test/fhir/Patient/1"}, id="another host"),
        pytest.param({"htu": "https://hub.test/fhir/Patient/2"}, id="another path"),
        pytest.param({"htu": "https://hub.test/fhir/Patient/1/"}, id="a slash more"),
        pytest.param({"htu": "http://hub.test/fhir/Patient/1"}, id="another scheme"),
        pytest.param({"htu": "https://hub.test:8443/fhir/Patient/1"}, id="another port"),
        pytest.param({"htu": "https://hub.test@evil.test/fhir/Patient/1"}, id="user name"),
        pytest.param({"htu": "https://hub.test/fhir/Patient%2F1"}, id="escaped slash"),
        pytest.param({"htu": "/fhir/Patient/1"}, id="relative"),
        pytest.param({"htu": [URL]}, id="htu as list"),
        pytest.param({"htu": ABSENT}, id="no htu"),
        pytest.param({"ath": ABSENT}, id="no ath"),
        pytest.param({"ath": b64(sha256(b"another token").digest())}, id="ath of another token"),
        pytest.param({"ath": sha256(TOKEN).hexdigest()}, id="ath in hexadecimal"),
        pytest.param({"ath": 7}, id="ath as number"),
        pytest.param({"ath": "\ud800"}, id="ath as half a character"),
        pytest.param({"iat": NOW - 60}, id="too old"),
        pytest.param({"iat": NOW + 61}, id="too young"),
        pytest.param({"iat": float(NOW)}, id="iat as fraction"),
        pytest.param({"iat": str(NOW)}, id="iat as text"),
        pytest.param({"iat": True}, id="iat as boolean"),
        pytest.param({"iat": ABSENT}, id="no iat"),
        pytest.param({"jti": ABSENT}, id="no jti"),
        pytest.param({"jti": ""}, id="empty jti"),
        pytest.param({"jti": "x" * 257}, id="endless jti"),
        pytest.param({"jti": "a b"}, id="jti with a blank"),
        pytest.param({"jti": ["p"]}, id="jti as list"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any]) -> None:
    assert code_of(made(claims=with_(CLAIMS, **changes))) == "dpop-proof"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a.b",
        b"a.b.c",
        b"\xe9.a.b",
        made() + b".x",
        made(claims=b'{"jti":"a","jti":"b"}'),
        made(b'{"typ":"dpop+jwt","typ":"dpop+jwt"}'),
        made(claims={**CLAIMS, "more": "x" * 8192}),
        made(key=None),
        made(key=OTHER),
        made(key=b"secret"),
    ],
    ids=range(11),
)
def test_what_is_no_proof_at_all(raw: bytes) -> None:
    assert code_of(raw) == "dpop-proof"


def test_a_proof_of_another_key_is_none_however_good() -> None:
    assert code_of(made({**HEADER, "jwk": jwk_of(OTHER.public_key())}, key=OTHER)) == "dpop-proof"
    assert code_of(made(), jkt=thumbprint(OTHER)) == "dpop-proof"
    assert code_of(made(), token=b"another.access.token") == "dpop-proof"


@pytest.mark.parametrize(
    ("htu", "same"),
    [
        (URL + "?_id=1", True),
        (URL + "#part", True),
        ("HTTPS://HUB.TEST/fhir/Patient/1", True),
        ("https://hub.test:443/fhir/Patient/1", True),
        ("https://hub.test/fhir/%50atient/1", True),
        ("https://hub.test/fhir/Patient/../Patient/1", False),
        ("https://hub.test/FHIR/Patient/1", False),
        ("https://hub.test:99999/fhir/Patient/1", False),
        ("https://hub.test/fhir/Patient/%ff", False),
        ("ftp://hub.test/fhir/Patient/1", False),
        ("https:///fhir/Patient/1", False),
    ],
)
def test_how_places_are_compared(htu: str, same: bool) -> None:  # noqa: FBT001 - a table of expectations
    assert same_place(htu, URL) is same


@given(where=st.integers(min_value=0), letter=st.sampled_from("ABab01-_.="))
def test_no_changed_letter_goes_through(where: int, letter: str) -> None:
    good = made().decode()
    at = where % len(good)
    changed = good[:at] + letter + good[at + 1 :]
    if changed != good:
        code_of(changed.encode())


def checked(*proofs: bytes, replays: MemoryReplays | None = None, now: int = MICROS) -> list[str]:
    """Check one request with the headers ``proofs``; return the code of its refusal, if any."""
    presented = Presented(None, "GET", URL, [(b"dpop", each) for each in proofs])
    try:
        asyncio.run(Proofs(replays or MemoryReplays(0)).check(presented, TOKEN, JKT, now))
    except Unauthorized as error:
        return [error.issues[0].detail]
    return []


def test_one_proof_is_needed_and_no_more() -> None:
    assert checked(made()) == []
    assert checked() == ["dpop-missing"]
    assert checked(made(), made(claims={**CLAIMS, "jti": "p-2"})) == ["dpop-proof"]


def test_a_proof_counts_once() -> None:
    replays = MemoryReplays(0)
    assert checked(made(), replays=replays) == []
    again = made()  # the signature is another one, the proof is the same
    assert checked(again, replays=replays) == ["dpop-replayed"]
    assert checked(made(claims={**CLAIMS, "htm": "GET", "jti": "p-2"}), replays=replays) == []
    assert checked(made(), replays=replays, now=MICROS + 59 * SECOND) == ["dpop-replayed"]
    assert checked(made(), replays=replays, now=MICROS + 61 * SECOND) == ["dpop-proof"]


def test_a_wrong_proof_uses_nothing_up() -> None:
    replays = MemoryReplays(0)
    assert checked(made(claims={**CLAIMS, "htm": "PUT"}), replays=replays) == ["dpop-proof"]
    assert checked(made(), replays=replays) == []
