"""The id_token of a provider, verified (https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)."""

from hmac import compare_digest
from typing import Any

from fhir_server.oauth.authorize.oidc.metadata import Metadata
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.claims import Expected, check_claims
from fhir_server.oauth.compact import parse_compact
from fhir_server.oauth.jws import signed_with
from fhir_server.oauth.refusal import refused

_TYPES = frozenset({"", "jwt"})
_UNUSED = frozenset({"x5t", "x5t#S256", "cty"})  # say something of the key or the content, and ask nothing of the reader


async def verify_id_token(token: str, provider: Provider, metadata: Metadata, nonce: str, now: int) -> dict[str, Any]:
    """Return the claims when all of it holds at the instant ``now`` (microseconds).

    Raises Unauthorized with the same codes as an access token (``oauth/jws``), and NoIssuer when there are no keys.
    """
    parts = parse_compact(token)
    _check_header(parts.header, provider)
    kid = str(parts.header.get("kid", ""))
    keys = await metadata.keys.keys(kid, now)
    fitting = [key for key in keys if key.algorithm == parts.header["alg"] and (key.kid == kid or not kid)]
    if len(fitting) != 1:
        raise refused("token-key", "The id_token is signed with a key that its provider does not publish.")
    if not signed_with(token, fitting[0]):
        raise refused("token-signature", "The signature of the id_token does not verify.")
    check_claims(parts.claims, Expected(provider.issuer, provider.client_id), now)
    _check_login(parts.claims, provider, nonce)
    return parts.claims


def _check_header(header: dict[str, Any], provider: Provider) -> None:
    if header.keys() - _UNUSED - {"alg", "typ", "kid"}:
        raise refused("token-header", "The id_token's header has members that ask for another reading.")
    if str(header.get("typ", "")).lower() not in _TYPES:
        raise refused("token-header", "The token is no id_token by its type.")
    if header.get("alg") not in provider.algorithms:
        raise refused("token-header", "The id_token is signed with another algorithm than was agreed.")


def _check_login(claims: dict[str, Any], provider: Provider, nonce: str) -> None:
    found = claims.get("nonce")
    if not isinstance(found, str) or not compare_digest(found.encode(), nonce.encode()):
        raise refused("token-nonce", "The id_token belongs to another login.")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise refused("token-audience", "The id_token was made for another client.")
    if provider.acr_values and claims.get("acr") not in provider.acr_values:
        raise refused("token-claims", "The login was not as strong as was asked.")
