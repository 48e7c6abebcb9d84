"""Keys (RFC 7517, RFC 7518): which ones are good enough, and which algorithm each of them is for."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

CURVES: Mapping[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1}
ALGORITHMS: Mapping[str, str] = {"ES256": "P-256", "ES384": "P-384", "RS256": "RSA"}
RSA_BITS = range(2048, 8193)
_EXPONENT = 65537
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class UnusableKey(ValueError):
    """A key that must not verify anything; the text says why."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with the one algorithm that it is used with."""

    kid: str
    algorithm: str
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey


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
    """Read a public JWK; raises UnusableKey.

    Wanted: a ``kid``, a use (or ``key_ops``) that is verification, an algorithm of ours that fits the key, a curve of ours or RSA
    of 2048 to 8192 bits with the usual exponent, and nothing private.
    """
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        raise UnusableKey("the key has no kid")
    if _PRIVATE & jwk.keys():
        raise UnusableKey("the key holds private or symmetric members")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("the key is not meant for verifying signatures")
    public = _public(jwk)
    kind = "RSA" if isinstance(public, rsa.RSAPublicKey) else jwk["crv"]
    fitting = next(name for name, wanted in ALGORITHMS.items() if wanted == kind)
    if jwk.get("alg", fitting) != fitting:
        raise UnusableKey("the key's alg is not supported, or does not fit the key")
    return VerifyingKey(kid, fitting, public)


def verifying_keys(jwks: Mapping[str, Any]) -> tuple[VerifyingKey, ...]:
    """Read a JWK Set, leaving out the keys that are unusable (RFC 7517 section 5)."""
    found = []
    for jwk in jwks.get("keys", ()):
        try:
            found.append(verifying_key(jwk))
        except UnusableKey:
            continue
    return tuple(found)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of an EC key (RFC 7638), base64url."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return _encode(sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest())


def _public(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    match jwk.get("kty"):
        case "EC":
            return _ec(str(jwk.get("crv")), _number(jwk, "x"), _number(jwk, "y"))
        case "RSA":
            return _rsa(_number(jwk, "n"), _number(jwk, "e"))
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


def _number(jwk: Mapping[str, Any], name: str) -> int:
    value = jwk.get(name)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        raise UnusableKey(f"the key's member {name} is missing or no base64url")
    try:
        return int.from_bytes(urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")
    except ValueError as error:
        raise UnusableKey(f"the key's member {name} is no base64url") from error


def _members(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    size = (public.key_size + 7) // 8
    x, y = (_encode(value.to_bytes(size, "big")) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
