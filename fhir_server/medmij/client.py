"""Which PGO asks for a token: the one whose certificate it shows, on both lists (Token interface, version 2.2.4; RFC 8705)."""

from collections.abc import Mapping

from fastapi import Request

from fhir_server.medmij.door import Door
from fhir_server.medmij.lists.oauth_clients import OAuthClient
from fhir_server.oauth.oauth_error import OAuthError, invalid_client
from fhir_server.oauth.posted import required
from fhir_server.oauth.presented import Presented


def proven_client(door: Door, request: Request, form: Mapping[str, str], address: str, now: int) -> OAuthClient:
    """Return the PGO that ``form`` names and whose certificate was shown; raises OAuthError (429 after too many failures)."""
    name = required(form, "client_id").lower()
    found = door.lists.client(name)
    counted = name if found else ""
    wait = door.failures.wait(counted, address, now)
    if wait:
        raise OAuthError("invalid_client", "Too many failed attempts.", 429, {"Retry-After": str(wait)})
    shown = Presented(None, request.method, "", request.scope["headers"], request.client.host if request.client else "")
    if found is None or found.host not in door.certificates.hosts(shown):
        door.failures.count(counted, address, now)
        raise invalid_client(
            "The client_id must stand on the lists of MedMij, and be a host name of the certificate that is shown."
        )
    return found
