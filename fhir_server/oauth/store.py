"""What the authorization server remembers, under the names of this folder (``storage/authorization`` keeps it)."""

from hashlib import sha256

from fhir_server.storage.authorization.store import (
    SECOND,
    AuthorizationCode,
    AuthorizationStore,
    ConsentGiven,
    Granted,
    LoginSession,
    RefreshToken,
    Reused,
    Revocation,
    Rotation,
)

__all__ = [
    "CODE_LIFETIME",
    "SECOND",
    "AuthorizationCode",
    "AuthorizationStore",
    "ConsentGiven",
    "Granted",
    "LoginSession",
    "RefreshToken",
    "Reused",
    "Revocation",
    "Rotation",
    "hashed",
]

CODE_LIFETIME = 60 * SECOND
"""The longest time within which a code must be exchanged."""


def hashed(secret: str) -> str:
    """Return what is stored of a secret that ``keys.fresh_secret`` made; it holds 256 random bits, so it needs no salt."""
    return sha256(secret.encode()).hexdigest()
