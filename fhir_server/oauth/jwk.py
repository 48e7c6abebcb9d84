"""Keys (RFC 7517, RFC 7518): which ones are good enough, and which algorithm each of them is for."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
CURVES: Mapping[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1}
ALGORITHMS: Mapping[str, str] = {
    "ES256": "P-256",
    "ES384": "P-384",
    "RS256": "RSA",
    "RS384": "RSA",
    "PS256": "RSA",
    "EdDSA": "Ed25519",
}
RSA_BITS = range(2048, 8193)
_EXPONENT = 65537
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_REQUIRED: Mapping[str, tuple[str, ...]] = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class UnusableKey(ValueError):
    """A key that must not verify anything; the text says why."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with the one algorithm that it is used with."""

    kid: str
    algorithm: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key on P-256, for ES256; its ``kid`` is its thumbprint."""

    private: ec.EllipticCurvePrivateKey

    @property
    def kid(self) -> str:
        """The key's identifier: the thumbprint of RFC 7638."""
        return thumbprint(_members(self.private.public_key()))

    @property
    def verifying(self) -> VerifyingKey:
        """The public half."""
        return VerifyingKey(self.kid, "ES256", self.private.public_key())

    def jwk(self) -> dict[str, str]:
        """Return the public half as a JWK."""
        return {**_members(self.private.public_key()), "kid": self.kid, "use": "sig", "alg": "ES256"}


def verifying_key(jwk: Mapping[str, Any]) -> VerifyingKey:
    """Read a public JWK as a key for the first algorithm that fits it; raises UnusableKey.

    Wanted: a ``kid``, a use (or ``key_ops``) that is verification, an algorithm of ours that fits the key, a curve of ours or RSA
    of 2048 to 8192 bits with the usual exponent, and nothing private.
    """
    return _usable(jwk)[0]


def verifying_keys(jwks: Mapping[str, Any]) -> tuple[VerifyingKey, ...]:
    """Read a JWK Set, leaving out the keys that are unusable (RFC 7517 section 5).

    A key that names no algorithm is there once for each one that fits it: which of them counts is for the reader of a token to say.
    """
    found: list[VerifyingKey] = []
    given = jwks.get("keys")
    for jwk in given if isinstance(given, list) else ():
        try:
            found += _usable(jwk)
        except UnusableKey:
            continue
    return tuple(found)


def embedded_key(jwk: Mapping[str, Any], algorithm: str) -> VerifyingKey:
    """Read the public key that a proof of possession brings itself, for ``algorithm``; its ``kid`` is its thumbprint.

    Raises UnusableKey, as ``verifying_key`` does.
    """
    public, algorithms = _checked(jwk)
    if algorithm not in algorithms:
        raise UnusableKey("the key does not fit the algorithm")
    return VerifyingKey(thumbprint(_members(public)), algorithm, public)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638), base64url; its members must be spelled as the RFCs want it."""
    required = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    return encode(sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest())


def _usable(jwk: Mapping[str, Any]) -> tuple[VerifyingKey, ...]:
    if not isinstance(jwk, Mapping):
        raise UnusableKey("the key is no object")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        raise UnusableKey("the key has no kid")
    public, algorithms = _checked(jwk)
    return tuple(VerifyingKey(kid, algorithm, public) for algorithm in algorithms)


def _checked(jwk: Mapping[str, Any]) -> tuple[PublicKey, tuple[str, ...]]:
    if _PRIVATE & jwk.keys():
        raise UnusableKey("the key holds private or symmetric members")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("the key is not meant for verifying signatures")
    public = _public(jwk)
    kind = "RSA" if isinstance(public, rsa.RSAPublicKey) else jwk["crv"]
    fitting = [name for name, wanted in ALGORITHMS.items() if wanted == kind]
    if "alg" in jwk:
        fitting = [name for name in fitting if name == jwk["alg"]]
    if not fitting:
        raise UnusableKey("the key's alg is not supported, or does not fit the key")
    return public, tuple(fitting)


def _public(jwk: Mapping[str, Any]) -> PublicKey:
    match jwk.get("kty"):
        case "EC":
            return _ec(str(jwk.get("crv")), _number(jwk, "x"), _number(jwk, "y"))
        case "RSA":
            return _rsa(_number(jwk, "n"), _number(jwk, "e"))
        case "OKP":
            return _okp(jwk.get("crv"), _bytes(jwk, "x"))
    raise UnusableKey("the key's type is not supported")


def _ec(name: str, x: int, y: int) -> ec.EllipticCurvePublicKey:
    curve = CURVES.get(name)
    if curve is None:
        raise UnusableKey("the key's curve is not supported")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve()).public_key()
    except ValueError as error:
        raise UnusableKey("the key's point does not lie on its curve") from error


def _rsa(modulus: int, exponent: int) -> rsa.RSAPublicKey:
    if modulus.bit_length() not in RSA_BITS:
        raise UnusableKey("the RSA key has fewer than 2048 or more than 8192 bits")
    if exponent != _EXPONENT:
        raise UnusableKey("the RSA key has another exponent than 65537")
    if modulus % 2 == 0:
        raise UnusableKey("the RSA key's modulus is even")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _okp(name: object, x: bytes) -> ed25519.Ed25519PublicKey:
    if name != "Ed25519":
        raise UnusableKey("the key's curve is not supported")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    except ValueError as error:
        raise UnusableKey("the key's point has another length than 32 bytes") from error


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_bytes(jwk, name), "big")


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        raise UnusableKey(f"the key's member {name} is missing or no base64url")
    try:
        return urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError as error:
        raise UnusableKey(f"the key's member {name} is no base64url") from error


def _members(public: PublicKey) -> dict[str, str]:
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": encode(_octets(numbers.n)), "e": encode(_octets(numbers.e))}
        case ec.EllipticCurvePublicKey():
            point, size = public.public_numbers(), (public.key_size + 7) // 8
            x, y = (encode(value.to_bytes(size, "big")) for value in (point.x, point.y))
            return {"kty": "EC", "crv": f"P-{public.key_size}", "x": x, "y": y}
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _octets(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def encode(raw: bytes) -> str:
    """Return ``raw`` in base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
