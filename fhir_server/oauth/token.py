"""Issuing access tokens (RFC 9068) with the server's own key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.access.actor import PURPOSES, from_claims
from fhir_server.errors import Unauthorized
from fhir_server.oauth.claims import EMERGENCY, EMERGENCY_LIFETIME, SECOND
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import sign

DEFAULT_LIFETIME = 900
LONGEST_LIFETIME = 86_400
_SCOPES: Mapping[str, str] = {
    "system": "system/*.cruds",
    "source": "system/*.rs",
    "pgo": "patient/*.rs",
    "operator": "user/*.rs",
    "privacy-officer": "user/AuditEvent.rs",
}


class TokenRequestError(ValueError):
    """No token can be made of what was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who the token is for. ``scope`` and ``purpose`` left empty become those of the role; ``lifetime`` is in seconds.

    ``patient`` is a bare id; ``reason`` belongs to the purpose BTG (breaking the glass) and is required with it. ``bound`` is the
    thumbprint of the key that its holder must prove to have (RFC 9449 section 6), ``methods`` are those by which they logged in
    (RFC 8176), and ``authenticated`` is when (microseconds, 0: not known).
    """

    reference: str
    role: str
    scope: str = ""
    patient: str = ""
    purpose: str = ""
    reason: str = ""
    organisation: str = ""
    client: str = "fhir-server"
    lifetime: int = DEFAULT_LIFETIME
    bound: str = ""
    methods: tuple[str, ...] = ()
    authenticated: int = 0


def issue(request: TokenRequest, key: SigningKey, issuer: str, audience: str, now: int, token_id: str) -> str:
    """Return a signed access token, valid from ``now`` (microseconds); raises TokenRequestError."""
    _check(request)
    claims = claims_of(request, issuer, audience, now, token_id)
    try:
        from_claims(claims)
    except Unauthorized as error:
        raise TokenRequestError(error.text) from error
    return sign(key, claims)


def claims_of(request: TokenRequest, issuer: str, audience: str, now: int, token_id: str) -> dict[str, Any]:
    """Return the claims of the token; those without a value are left out."""
    issued = now // SECOND
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": request.reference,
        "fhirUser": request.reference,
        "role": request.role,
        "scope": request.scope or _SCOPES.get(request.role, "user/*.cruds"),
        "patient": request.patient,
        "purpose": request.purpose or PURPOSES.get(request.role, ""),
        "btg_reason": request.reason,
        "organization": request.organisation,
        "client_id": request.client,
        "jti": token_id,
        "cnf": {"jkt": request.bound} if request.bound else "",
        "amr": [*request.methods] or "",
        "auth_time": request.authenticated // SECOND or "",
        "iat": issued,
        "exp": issued + request.lifetime,
    }
    return {name: value for name, value in claims.items() if value != ""}


def _check(request: TokenRequest) -> None:
    if not 1 <= request.lifetime <= LONGEST_LIFETIME:
        raise TokenRequestError(f"A token lives 1 to {LONGEST_LIFETIME} seconds, not {request.lifetime}.")
    if (request.purpose == "BTG") != bool(request.reason):
        raise TokenRequestError("The purpose BTG (breaking the glass) and a reason go together: give both, or neither.")
    if request.purpose == EMERGENCY and request.lifetime > EMERGENCY_LIFETIME:
        raise TokenRequestError(f"A token with the purpose BTG lives {EMERGENCY_LIFETIME} seconds at most, not {request.lifetime}.")
    if request.patient.startswith("Patient/"):
        raise TokenRequestError("The patient is given as a bare id, without Patient/ before it.")
