"""The attacker's tool: signs whatever it is given with whatever it is given. It shares no code with the server."""

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm


def b64(raw: bytes) -> str:
    """Return ``raw`` in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    """Return one part of a token: bytes as they are, anything else as JSON."""
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def forge(header: Any, claims: Any, key: Any) -> str:
    """Return a token signed with ``key``: bytes (HMAC), a private key on a curve, a private RSA key, or None (no signature)."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{b64(_signature(text.encode(), key))}"


def jwk_of(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, **more: Any) -> dict[str, Any]:
    """Return a public key as a JWK with the members ``more``."""
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e), **more}
    point = public.public_numbers()
    size = (public.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{public.key_size}", "x": b64(point.x.to_bytes(size)), "y": b64(point.y.to_bytes(size)), **more}


def _uint(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


def _signature(signed: bytes, key: Any) -> bytes:
    match key:
        case bytes():
            return hmac.digest(key, signed, sha256)
        case rsa.RSAPrivateKey():
            return key.sign(signed, PKCS1v15(), SHA256())
        case ec.EllipticCurvePrivateKey():
            return _ecdsa(key, SHA384() if key.key_size == 384 else SHA256(), signed)
    return b""


def _ecdsa(private: ec.EllipticCurvePrivateKey, hashing: HashAlgorithm, signed: bytes) -> bytes:
    size = (private.key_size + 7) // 8
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(hashing)))
    return r.to_bytes(size) + s.to_bytes(size)
