"""The answer to a token that is not accepted (RFC 6750 section 3): it says what to change and nothing of what the token holds."""

from fhir_server.errors import Unauthorized


def refused(detail: str, text: str) -> Unauthorized:
    """Return the error for a token that does not verify; ``detail`` is a code of our own CodeSystem ``error-code``."""
    return _with_challenge(Unauthorized(text, detail=detail), b'Bearer error="invalid_token"')


def missing(text: str) -> Unauthorized:
    """Return the error for a request that brings no bearer token at all."""
    return _with_challenge(Unauthorized(text, detail="token-missing"), b'Bearer realm="fhir"')


def _with_challenge(error: Unauthorized, challenge: bytes) -> Unauthorized:
    error.headers = ((b"www-authenticate", challenge),)
    return error
