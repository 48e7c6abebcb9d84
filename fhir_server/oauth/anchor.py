"""The signature under an anchor of the record: a JWS (RFC 7515) with a type of its own, so that it is never taken for a token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fhir_server.errors import Unauthorized
from fhir_server.oauth.compact import parse_compact
from fhir_server.oauth.jwk import SigningKey, VerifyingKey
from fhir_server.oauth.jws import sign, signed_with
from fhir_server.oauth.keys import new_signing_key

TYPE: Final = "audit-anchor+jws"


class ForgedAnchor(ValueError):
    """It was not signed as an anchor with the key of this hub."""


def anchor_key(data_dir: Path) -> SigningKey:
    """Return the key that signs anchors, made on first use; it is kept as long as the record, so it never rotates."""
    return new_signing_key(data_dir, "audit.pem")


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """Return ``claims`` as an anchor."""
    return sign(key, claims, TYPE)


def opened(key: VerifyingKey, anchor: str) -> Mapping[str, Any]:
    """Return the claims of ``anchor``. Raises ForgedAnchor."""
    try:
        parts = parse_compact(anchor)
    except Unauthorized:
        raise ForgedAnchor("it has not the form of a signed anchor") from None
    if parts.header != {"alg": key.algorithm, "typ": TYPE, "kid": key.kid} or not signed_with(anchor, key):
        raise ForgedAnchor("its signature is not of the key keys/audit.pem")
    return parts.claims
