"""The answer to a token that is not accepted (RFC 6750 section 3): it says what to change and nothing of what the token holds."""

from fhir_server.errors import NoIssuer, Unauthorized

RETRY_AFTER = 10
NONCE = "dpop-nonce"
"""The header that gives out a nonce."""
WANTS_NONCE = "dpop-nonce"
"""The code of the error for a proof without it."""
_PROOF_ALGORITHMS = b'algs="ES256 ES384 PS256 RS256 EdDSA"'


def refused(detail: str, text: str) -> Unauthorized:
    """Return the error for a token that does not verify; ``detail`` is a code of our own CodeSystem ``error-code``."""
    return _with_challenge(Unauthorized(text, detail=detail), b'Bearer error="invalid_token"')


def missing(text: str) -> Unauthorized:
    """Return the error for a request that brings no bearer token at all."""
    return _with_challenge(Unauthorized(text, detail="token-missing"), b'Bearer realm="fhir"')


def unproven(detail: str, text: str) -> Unauthorized:
    """Return the error for a token that is bound to a key which the request does not prove to have (RFC 9449 section 7.1)."""
    error = b"invalid_dpop_proof" if detail.startswith("dpop-") else b"invalid_token"
    return _with_challenge(Unauthorized(text, detail=detail), b'DPoP error="' + error + b'", ' + _PROOF_ALGORITHMS)


def wants_nonce(nonce: str) -> Unauthorized:
    """Return the error for a proof without the ``nonce`` of this server (RFC 9449 section 9)."""
    text = "The DPoP proof must hold the nonce in the header DPoP-Nonce of this answer. Make another proof with it."
    error = Unauthorized(text, detail=WANTS_NONCE)
    error.headers = ((b"www-authenticate", b'DPoP error="use_dpop_nonce", ' + _PROOF_ALGORITHMS), (NONCE.encode(), nonce.encode()))
    return error


def silent(text: str) -> NoIssuer:
    """Return the error for an issuer that does not answer, or not as it should: the caller is not to blame."""
    error = NoIssuer(text)
    error.headers = ((b"retry-after", str(RETRY_AFTER).encode()),)
    return error


def _with_challenge(error: Unauthorized, challenge: bytes) -> Unauthorized:
    error.headers = ((b"www-authenticate", challenge),)
    return error
