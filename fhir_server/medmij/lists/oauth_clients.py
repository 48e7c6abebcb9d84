"""The OAuth client list (OCL): which PGOs there are, under which names people know them, and what they can receive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fhir_server.medmij.lists.xml import Document, InvalidList, Issue, host

NAMESPACE: Final = "xmlns://afsprakenstelsel.medmij.nl/oauthclientlist/release2/"
_SHORTEST, _LONGEST = 3, 50


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """One PGO by the ``host`` of its node; ``services`` are those that it can receive, None where the list does not say."""

    host: str
    name: str
    services: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class OAuthClients:
    """The PGOs by their hosts."""

    issue: Issue
    clients: Mapping[str, OAuthClient]


def read_oauth_clients(content: bytes) -> OAuthClients:
    """Read the list. Raises InvalidList."""
    document = Document(content, "OAuthclientlist", NAMESPACE)
    found: dict[str, OAuthClient] = {}
    for element in document.each("OAuthclients/OAuthclient"):
        name = document.text(element, "OAuthclientOrganisatienaam")
        if not _SHORTEST <= len(name) <= _LONGEST:
            raise InvalidList(f"an OAuthclientOrganisatienaam must have {_SHORTEST} to {_LONGEST} characters")
        ids = frozenset(document.below(element, "GegevensdienstId"))  # release 2 has none; where later ones put them, is not fixed
        client = OAuthClient(host(document.text(element, "Hostname")), name, ids or None)
        if client.host in found:
            raise InvalidList("a Hostname occurs twice")
        found[client.host] = client
    return OAuthClients(document.issue, found)
