"""Which keys may verify anything."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from forgery import b64, jwk_of

from fhir_server.oauth.jwk import SigningKey, UnusableKey, thumbprint, verifying_key, verifying_keys

P256 = ec.generate_private_key(ec.SECP256R1())
EC = jwk_of(P256.public_key(), kid="k")


def uint(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


def rsa_jwk(bits: int, exponent: int = 65537) -> dict[str, Any]:
    return {"kty": "RSA", "kid": "k", "n": uint(2 ** (bits - 1) + 1), "e": uint(exponent)}


def test_good_keys(rsa_key: rsa.RSAPrivateKey) -> None:
    p384 = jwk_of(ec.generate_private_key(ec.SECP384R1()).public_key(), kid="k", use="sig", alg="ES384", key_ops=["verify"])
    found = [verifying_key(jwk) for jwk in (EC, p384, jwk_of(rsa_key.public_key(), kid="k", alg="RS256"))]
    assert [key.algorithm for key in found] == ["ES256", "ES384", "RS256"]
    assert found[0].public == P256.public_key()


@pytest.mark.parametrize(
    ("jwk", "text"),
    [
        pytest.param({**EC, "kid": ""}, "no kid", id="empty kid"),
        pytest.param({**EC, "kid": 1}, "no kid", id="kid as number"),
        pytest.param({**EC, "use": "enc"}, "verifying", id="use enc"),
        pytest.param({**EC, "key_ops": ["sign"]}, "verifying", id="key_ops without verify"),
        pytest.param({**EC, "key_ops": "verify"}, "verifying", id="key_ops as text"),
        pytest.param({**EC, "key_ops": 1}, "verifying", id="key_ops as number"),
        pytest.param({**EC, "alg": "ES384"}, "alg", id="alg of another curve"),
        pytest.param({**EC, "alg": "RS256"}, "alg", id="alg of another type"),
        pytest.param({**EC, "alg": "HS256"}, "alg", id="alg HS256"),
        pytest.param({**EC, "alg": None}, "alg", id="alg null"),
        pytest.param({**EC, "d": EC["x"]}, "private", id="private key"),
        pytest.param({"kty": "oct", "kid": "k", "k": "AAAA"}, "symmetric", id="shared secret"),
        pytest.param({"kty": "oct", "kid": "k"}, "type", id="kty oct"),
        pytest.param({"kty": "OKP", "kid": "k", "crv": "Ed25519", "x": "AAAA"}, "32 bytes", id="Ed25519 cut off"),
        pytest.param({"kty": "OKP", "kid": "k", "crv": "Ed448", "x": "AAAA"}, "curve", id="Ed448"),
        pytest.param({"kty": "OKP", "kid": "k", "crv": "X25519", "x": "AAAA"}, "curve", id="a curve for agreement"),
        pytest.param({"kid": "k"}, "type", id="no kty"),
        pytest.param({**EC, "crv": "P-521"}, "curve", id="curve not ours"),
        pytest.param({**EC, "crv": "secp256k1"}, "curve", id="another curve"),
        pytest.param({**EC, "crv": ["P-256"]}, "curve", id="curve as list"),
        pytest.param({**EC, "crv": "P-384"}, "point", id="curve of another size"),
        pytest.param({**EC, "x": EC["y"]}, "point", id="point off the curve"),
        pytest.param({**EC, "x": "AA", "y": "AA"}, "point", id="point zero"),
        pytest.param({**EC, "x": 5}, "member x", id="x as number"),
        pytest.param({**EC, "x": "A+/="}, "member x", id="x in plain base64"),
        pytest.param({**EC, "x": "A"}, "member x", id="x cut off"),
        pytest.param(rsa_jwk(1024), "2048", id="RSA 1024"),
        pytest.param(rsa_jwk(2047), "2048", id="RSA 2047"),
        pytest.param(rsa_jwk(8200), "8192", id="RSA too long"),
        pytest.param(rsa_jwk(2048, 3), "65537", id="RSA exponent 3"),
        pytest.param({**rsa_jwk(2048), "n": uint(2**2047)}, "modulus", id="RSA modulus even"),
        pytest.param(rsa_jwk(2048, 1), "65537", id="RSA exponent 1"),
    ],
)
def test_keys_that_are_refused(jwk: dict[str, Any], text: str) -> None:
    with pytest.raises(UnusableKey, match=text):
        verifying_key(jwk)
    assert verifying_keys({"keys": [jwk, EC]}) == (verifying_key(EC),)


def test_an_empty_set_has_no_keys() -> None:
    assert verifying_keys({}) == ()


def test_a_signing_key_publishes_its_public_half_only() -> None:
    key = SigningKey(P256)
    jwk = key.jwk()
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert verifying_key(jwk) == key.verifying


def test_the_thumbprint_of_the_standards_own_key() -> None:
    # The key of RFC 7517 appendix A.1; `openssl dgst -sha256` of its required members gives the same thumbprint.
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
    }
    assert thumbprint(jwk) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
