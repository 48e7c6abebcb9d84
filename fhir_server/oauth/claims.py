"""The registered claims of a token (RFC 7519 section 4.1, RFC 9068 section 2.2): all required, all typed, all compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.access.actor import log_in
from fhir_server.access.recent import is_recent, too_long_ago
from fhir_server.oauth.refusal import refused

SECOND = 1_000_000
LEEWAY = 5 * SECOND
_LAST_SECOND = 2**40


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token for one purpose must be: its ``typ``, its algorithms, who issued it, for whom, its longest life in seconds."""

    issuer: str
    audience: str
    typ: str = "at+jwt"
    algorithms: tuple[str, ...] = ("ES256",)
    lifetime: int = 86_400


def check_claims(claims: Mapping[str, Any], expected: Expected, now: int) -> None:
    """Check ``iss``, ``aud``, ``sub``, ``iat``, ``nbf``, ``exp`` at the instant ``now`` (microseconds); raises Unauthorized.

    Codes: token-claims (missing, of a wrong type, or valid for too long), token-issuer, token-audience, token-expired,
    token-not-yet-valid.
    """
    if text(claims, "iss") != expected.issuer:
        raise refused("token-issuer", "The access token comes from another issuer. Get one from this server.")
    if audience(claims) != expected.audience:
        raise refused("token-audience", "The access token is meant for another server. Ask for one with this server as audience.")
    if not text(claims, "sub"):
        raise refused("token-claims", "The access token names no subject.")
    _check_time(claims, expected.lifetime, now)


EMERGENCY: Final = "BTG"
"""The purpose of who breaks the glass."""
EMERGENCY_LIFETIME: Final = 3600
"""Seconds that a token for that purpose lives at most."""


def check_emergency(purpose: str, claims: Mapping[str, Any], now: int) -> None:
    """Check that a token for an emergency is a short one, given after a log-in; raises Unauthorized (token-claims, token-login)."""
    if purpose != EMERGENCY:
        return
    issued = instant(claims, "iat") if "iat" in claims else now
    if not is_recent(log_in(claims), issued):
        raise too_long_ago()
    if instant(claims, "exp") - issued > EMERGENCY_LIFETIME * SECOND:
        raise refused("token-claims", f"An access token with the purpose BTG lives for {EMERGENCY_LIFETIME} seconds at most.")


def expiry(claims: Mapping[str, Any]) -> int:
    """Return the first instant (microseconds) at which a token with these checked claims is no longer accepted."""
    return instant(claims, "exp") + LEEWAY


def _check_time(claims: Mapping[str, Any], lifetime: int, now: int) -> None:
    issued, expires = instant(claims, "iat"), instant(claims, "exp")
    start = instant(claims, "nbf") if "nbf" in claims else issued
    if expires <= issued or expires - issued > lifetime * SECOND:
        raise refused("token-claims", f"The access token is valid for longer than {lifetime} seconds, or for no time at all.")
    if now >= expires + LEEWAY:
        raise refused("token-expired", "The access token has expired. Get a new one.")
    if max(issued, start) > now + LEEWAY:
        raise refused("token-not-yet-valid", "The access token is not valid yet. Check the clock of its issuer.")


def audience(claims: Mapping[str, Any]) -> str:
    """Return the one audience; raises Unauthorized (token-audience)."""
    # A token for several servers could be replayed here by any of them: a list may hold one audience only.
    value = claims.get("aud")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise refused("token-audience", "The access token does not name this server as its one audience.")
    return value


def text(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that must be text; raises Unauthorized (token-claims)."""
    value = claims.get(name)
    if not isinstance(value, str):
        raise refused("token-claims", f"The claim {name} of the access token is missing or no text.")
    return value


def instant(claims: Mapping[str, Any], name: str) -> int:
    """Return a claim that must be a time, in microseconds; raises Unauthorized (token-claims)."""
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < _LAST_SECOND:
        raise refused("token-claims", f"The claim {name} of the access token is missing or no whole number of seconds.")
    return value * SECOND
