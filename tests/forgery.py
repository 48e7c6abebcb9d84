"""The attacker's tool: signs whatever it is given with whatever it is given. It shares no code with the server."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.x509.oid import NameOID


def b64(raw: bytes) -> str:
    """Return ``raw`` in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    """Return one part of a token: bytes as they are, anything else as JSON."""
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def forge(header: Any, claims: Any, key: Any) -> str:
    """Return a token signed with ``key``: bytes (HMAC), a private key on a curve, a private RSA key, or None (no signature).

    RSA signs with PSS when the header says PS256, else with PKCS #1 v1.5.
    """
    text = f"{part(header)}.{part(claims)}"
    pss = isinstance(header, dict) and header.get("alg") == "PS256"
    return f"{text}.{b64(_signature(text.encode(), key, pss=pss))}"


def jwk_of(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey, **more: Any) -> dict[str, Any]:
    """Return a public key as a JWK with the members ``more``."""
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e), **more}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw()), **more}
    point = public.public_numbers()
    size = (public.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{public.key_size}", "x": b64(point.x.to_bytes(size)), "y": b64(point.y.to_bytes(size)), **more}


def certificate(name: str) -> x509.Certificate:
    """Return a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start + timedelta(days=1))
    return builder.sign(key, SHA256())


def _uint(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


def _signature(signed: bytes, key: Any, *, pss: bool) -> bytes:
    match key:
        case bytes():
            return hmac.digest(key, signed, sha256)
        case rsa.RSAPrivateKey():
            return key.sign(signed, PSS(MGF1(SHA256()), 32) if pss else PKCS1v15(), SHA256())
        case ed25519.Ed25519PrivateKey():
            return key.sign(signed)
        case ec.EllipticCurvePrivateKey():
            return _ecdsa(key, SHA384() if key.key_size == 384 else SHA256(), signed)
    return b""


def _ecdsa(private: ec.EllipticCurvePrivateKey, hashing: HashAlgorithm, signed: bytes) -> bytes:
    size = (private.key_size + 7) // 8
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(hashing)))
    return r.to_bytes(size) + s.to_bytes(size)
