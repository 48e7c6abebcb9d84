"""The grants of the token endpoint: a code, a refresh token, or the client's own credentials, for an access token.

RFC 6749 sections 4.1.3, 4.4 and 6, RFC 7636, RFC 9700 section 4.14, and
https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from fhir_server.access.scope import parse_scopes
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.clients import Client
from fhir_server.oauth.issuing import access_token, answered, first_refresh, next_refresh
from fhir_server.oauth.leavers import refuse_leaver
from fhir_server.oauth.narrowing import covered, narrowed
from fhir_server.oauth.oauth_error import OAuthError, invalid_grant
from fhir_server.oauth.posted import required
from fhir_server.oauth.store import AuthorizationCode, Granted, RefreshToken, hashed

BACKEND_LIFETIME = 300
"""Seconds that an access token of a backend service lives at most."""

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """What the token endpoint gives: the body of its answer, and to whom."""

    body: dict[str, Any]
    granted: Granted


async def authorization_code(authority: Authority, client: Client, form: Form, now: int, bound: str = "") -> Given:
    """Exchange a code; raises OAuthError. ``bound`` is the thumbprint of the key that the client proved to have, "" for none."""
    code, redirect_uri, verifier = (required(form, name) for name in ("code", "redirect_uri", "code_verifier"))
    taken = await authority.store.take_code(hashed(code), client.id, now)
    if not isinstance(taken, AuthorizationCode):
        if taken is not None:
            await authority.revocations.look(now)
        text = "The code is unknown, has expired, was used before, or was given to another client."
        raise invalid_grant(text, "reused" if taken is not None else "")
    if taken.redirect_uri != redirect_uri:
        raise invalid_grant("The redirect_uri is not the one of the authorization request.")
    if not _VERIFIER.fullmatch(verifier) or not compare_digest(challenge_of(verifier), taken.challenge):
        raise invalid_grant("The code_verifier does not belong to the code_challenge of the authorization request.")
    await refuse_leaver(authority, taken.granted, taken.family, now)
    granted = taken.granted.narrowed(of_a_person(narrowed(taken.granted.scope, client.scope)))
    body = answered(authority, client, granted, taken.family, now, bound)
    refresh = first_refresh(client, granted, taken.family, now, bound)
    if refresh is not None:
        await authority.store.put_refresh(refresh[1])
        body["refresh_token"] = refresh[0]
    return Given(body, granted)


async def refresh_token(authority: Authority, client: Client, form: Form, now: int, bound: str = "") -> Given:
    """Exchange a refresh token for an access token and the next refresh token; raises OAuthError."""
    found = await authority.store.find_refresh(hashed(required(form, "refresh_token")))
    if found is None or found.granted.client != client.id:
        raise invalid_grant("The refresh token is unknown, or was given to another client.")
    granted = _refreshed(client, found, form.get("scope", found.granted.scope))
    if found.bound and not compare_digest(found.bound, bound):
        raise OAuthError("invalid_dpop_proof", "The refresh token is bound to a key: send a DPoP proof made with it.")
    await refuse_leaver(authority, found.granted, found.family, now)
    secret, following = next_refresh(found, now)
    rotation = await authority.store.rotate_refresh(found.hash, following, now)
    if rotation != "rotated":
        await authority.revocations.look(now)
        text = "The refresh token has expired, was used before, or was revoked. Ask for authorization again."
        raise invalid_grant(text, rotation)
    return Given({**answered(authority, client, granted, found.family, now, bound), "refresh_token": secret}, granted)


async def client_credentials(authority: Authority, client: Client, form: Form, now: int, bound: str = "") -> Given:
    """Give a backend service an access token of its own; raises OAuthError."""
    scope = of_a_system(narrowed(required(form, "scope"), client.scope))
    if not scope:
        raise OAuthError(
            "invalid_scope", "Nothing of the scope asked for may be given to this client: it may ask for system scopes."
        )
    granted = Granted(client.id, client.reference, client.role, scope, purpose=client.purpose, organisation=client.organisation)
    lifetime = min(authority.lifetime(client), BACKEND_LIFETIME)
    token = access_token(authority, granted, authority.new_id(), lifetime, now, bound)
    kind = "DPoP" if bound else "Bearer"
    return Given({"access_token": token, "token_type": kind, "expires_in": lifetime, "scope": scope}, granted)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def of_a_system(scope: str) -> str:
    """Return the words of ``scope`` that a client without a person can have."""
    return " ".join(word for word in scope.split() if _is_of_a_system(word))


def of_a_person(scope: str) -> str:
    """Return the words of ``scope`` that a client can have through a person."""
    return " ".join(word for word in scope.split() if not _is_of_a_system(word))


def _is_of_a_system(word: str) -> bool:
    return any(scope.level == "system" for scope in parse_scopes(word))


def _refreshed(client: Client, token: RefreshToken, scope: str) -> Granted:
    if not covered(scope, token.granted.scope):
        raise OAuthError("invalid_scope", "The scope asks for more than was granted.")
    given = narrowed(scope, client.scope)  # what the client may have can have become less meanwhile
    if not given:
        raise OAuthError("invalid_scope", "The scope asks for nothing that may be given.")
    return token.granted.narrowed(given)


GRANTS = {"authorization_code": authorization_code, "refresh_token": refresh_token, "client_credentials": client_credentials}
