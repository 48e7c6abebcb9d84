"""The names under which the authorization server keeps what MedMij needs: never those of a client of ``clients.toml``."""

from collections.abc import Sequence
from typing import Final

from fhir_server.oauth.narrowing import OFFLINE

_PREFIX: Final = "medmij@"  # no client_id of clients.toml has an @ in it


def client_of(host: str) -> str:
    """Return the client of codes and refresh tokens of the PGO at ``host``."""
    return _PREFIX + host


def consent_of(host: str, provider: str) -> str:
    """Return the client under which a consent is kept: it is for one PGO and one provider."""
    return f"{_PREFIX}{host}/{provider}"


def parties_of(consent: str) -> tuple[str, str]:
    """Return the host of the PGO and the provider of a consent; ("", "") for one that is not of MedMij."""
    if not consent.startswith(_PREFIX):
        return "", ""
    host, _, provider = consent.removeprefix(_PREFIX).partition("/")
    return host, provider


def scope_of(provider: str, *, indefinite: bool) -> str:
    """Return the scope that goes with a code: the provider, and whether there will be a refresh token."""
    return f"{provider} {OFFLINE}" if indefinite else provider


def provider_in(scope: str) -> str:
    """Return the provider of such a scope."""
    return scope.split(maxsplit=1)[0]


def is_indefinite(words: Sequence[str]) -> bool:
    """Tell whether the consent is for an indefinite time."""
    return OFFLINE in words
