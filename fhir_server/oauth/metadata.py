"""What others read to find their way: the metadata of the authorization server, and its keys.

SMART App Launch 2.2 (https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html), OpenID Connect Discovery, RFC 8414, RFC 7517.
"""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from fhir_server.oauth.assertion import ALGORITHMS
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.jwk import ALGORITHMS as PROOF_ALGORITHMS

CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
SCOPES: Final = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "online_access",
    "offline_access",
    "patient/*.cruds",
    "user/*.cruds",
    "system/*.cruds",
)
METHODS: Final = ("client_secret_basic", "private_key_jwt")
_FRESH = {"Cache-Control": "public, max-age=300"}


def server(issuer: str) -> dict[str, Any]:
    """Return what all the documents have in common (RFC 8414 section 2)."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/oauth/jwks",
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "authorization_response_iss_parameter_supported": True,
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", *METHODS],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": ["none", *METHODS],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
    }


def smart_configuration(issuer: str) -> dict[str, Any]:
    """Return the document of ``/.well-known/smart-configuration``."""
    return {**server(issuer), "management_endpoint": f"{issuer}/oauth/apps", "capabilities": list(CAPABILITIES)}


def openid_configuration(issuer: str) -> dict[str, Any]:
    """Return the document of ``/.well-known/openid-configuration``."""
    return {
        **server(issuer),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "fhirUser"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def routes(authority: Authority) -> APIRouter:
    """Return the routes of the documents and of the keys."""
    router = APIRouter()
    issuer = authority.issuer

    @router.get("/.well-known/smart-configuration")
    @router.get("/fhir/.well-known/smart-configuration")
    async def smart() -> JSONResponse:
        """Describe the authorization side of the FHIR server."""
        return JSONResponse(smart_configuration(issuer), headers=_FRESH)

    @router.get("/.well-known/openid-configuration")
    async def openid() -> JSONResponse:
        """Describe the OpenID provider."""
        return JSONResponse(openid_configuration(issuer), headers=_FRESH)

    @router.get("/.well-known/oauth-authorization-server")
    async def oauth() -> JSONResponse:
        """Describe the authorization server."""
        return JSONResponse(server(issuer), headers=_FRESH)

    @router.get("/oauth/jwks")
    async def keys() -> JSONResponse:
        """Publish the keys that tokens are signed with, the next one included."""
        return JSONResponse(authority.ring.jwks(), headers=_FRESH)

    return router
