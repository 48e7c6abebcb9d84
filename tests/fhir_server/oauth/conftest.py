"""What the token tests share: keys, and the header and claims of a good token."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fhir_server.oauth.claims import Expected
from fhir_server.oauth.jwk import SigningKey

NOW = 1_800_000_000


@pytest.fixture
def now() -> int:
    """Return the moment of the tests, in seconds."""
    return NOW


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="session")
def other() -> SigningKey:
    return SigningKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def expected() -> Expected:
    return Expected("https://hub.test", "https://hub.test/fhir")


@pytest.fixture
def claims() -> dict[str, Any]:
    return {
        "iss": "https://hub.test",
        "aud": "https://hub.test/fhir",
        "sub": "Practitioner/vos",
        "role": "practitioner",
        "scope": "user/*.cruds",
        "jti": "t-1",
        "iat": NOW,
        "exp": NOW + 3600,
    }


@pytest.fixture
def header(key: SigningKey) -> dict[str, Any]:
    return {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
