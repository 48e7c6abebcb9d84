"""Authorization requests of MedMij, checked before anybody is asked anything (Authorization interface, version 2.2.4).

https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/1097990320
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fhir_server.medmij.correlation import CORRELATION, REQUEST, is_uuid
from fhir_server.medmij.lists.kept import Lists
from fhir_server.medmij.lists.oauth_clients import OAuthClient
from fhir_server.medmij.registry import Provider, Registry
from fhir_server.medmij.scope import InvalidScope, read_scope
from fhir_server.oauth.authorize.request import Parameters, Refused, Shown, shown

LONGEST_STATE: Final = 2_000
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be put before a client: which PGO wants to collect from which provider."""

    client: OAuthClient
    redirect_uri: str
    provider: Provider
    state: str
    request: str
    correlation: str
    challenge: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """Where a request is answered: everything that must be right before anything is answered by a redirect."""

    client: OAuthClient
    redirect_uri: str


def read_parameters(query: str) -> Parameters:
    """Return the parameters of a request; raises Shown for what is no query."""
    return Parameters(query, LONGEST_STATE)


def answered_at(parameters: Parameters, lists: Lists) -> Answered:
    """Return whom the request is from and where it is answered; raises Shown: it is answered by a page (2.6)."""
    client = lists.client(shown(parameters, "client_id", "unknown-client"))
    if client is None:
        raise Shown("unknown-client")
    redirect_uri = shown(parameters, "redirect_uri", "unknown-redirect")
    if not is_of_client(redirect_uri, client.host):
        raise Shown("unknown-redirect")
    return Answered(client, redirect_uri)


def is_of_client(redirect_uri: str, host: str) -> bool:
    """Tell whether ``redirect_uri`` lies at the node ``host``: https, that very host, no port, user, query or fragment."""
    if any(character <= " " or character in '\\"<>^`{|}' or character > "~" for character in redirect_uri):
        return False
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc.lower() == host and not {"?", "#"} & set(redirect_uri)


def state_of(parameters: Parameters) -> str:
    """Return the state to send back, "" where there is none that can be."""
    try:
        return parameters.get("state")
    except Refused:
        return ""


def correlation_of(parameters: Parameters) -> str:
    """Return the correlation id of a request, "" where it has none that can be."""
    try:
        return _uuid(parameters, CORRELATION)
    except Refused:
        return ""


def read_request(parameters: Parameters, where: Answered, registry: Registry) -> Asked:
    """Check everything that is refused by a redirect; raises Refused."""
    kind = parameters.get("response_type")
    if kind != "code":
        raise Refused("unsupported_response_type" if kind else "invalid_request", "response_type must be code")
    state = parameters.get("state")
    if not state:
        raise Refused("invalid_request", "state is missing")
    return Asked(
        client=where.client,
        redirect_uri=where.redirect_uri,
        provider=_provider(parameters, registry),
        state=state,
        request=_uuid(parameters, REQUEST),
        correlation=_uuid(parameters, CORRELATION),
        challenge=_challenge(parameters),
    )


def _provider(parameters: Parameters, registry: Registry) -> Provider:
    text = parameters.get("scope")
    if not text:
        raise Refused("invalid_request", "scope is missing")
    try:
        found = registry.providers.get(read_scope(text).provider)
    except InvalidScope as error:
        raise Refused("invalid_scope", str(error)) from error
    if found is None:
        raise Refused("invalid_scope", "the provider is not known here")
    return found


def _uuid(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not is_uuid(value):
        raise Refused("invalid_request", f"{name} must be a UUID")
    return value.lower()


def _challenge(parameters: Parameters) -> str:
    """Return the challenge of PKCE, "" for none: MedMij does not ask for it, and who sends one is held to it (RFC 7636)."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not challenge and not method:
        return ""
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "code_challenge must be that of S256")
    return challenge
