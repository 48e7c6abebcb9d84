"""The keys with which clients sign their assertions: those in their declaration, or those that they publish (``jwks_uri``)."""

from collections.abc import Sequence

from fhir_server.errors import NoIssuer
from fhir_server.oauth.clients import Client
from fhir_server.oauth.jwk import VerifyingKey, verifying_keys
from fhir_server.oauth.oauth_error import OAuthError
from fhir_server.oauth.remote_keys import Getting, RemoteKeys


class ClientKeys:
    """Finds keys, and fetches published ones with ``remote``, which are kept for a while."""

    def __init__(self, remote: Getting) -> None:
        """Fetch nothing yet."""
        self._remote = remote
        self._published: dict[str, RemoteKeys] = {}

    async def keys(self, client: Client, kid: str, now: int) -> Sequence[VerifyingKey]:
        """Return the keys of ``client``, of which ``kid`` is wanted; raises OAuthError when they cannot be fetched."""
        if not client.jwks_uri:
            return verifying_keys(client.jwks)
        published = self._published.setdefault(client.jwks_uri, RemoteKeys(client.jwks_uri, self._remote))
        try:
            return await published.keys(kid, now)
        except NoIssuer as error:
            text = "The keys of the client cannot be fetched from its jwks_uri."
            raise OAuthError("temporarily_unavailable", text, 503, {"Retry-After": "5"}) from error
