"""What a provider publishes of itself (OpenID Connect Discovery 1.0), kept for a while."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fhir_server.oauth.authorize.oidc.provider import Provider, safe
from fhir_server.oauth.authorize.sealed import MINUTE
from fhir_server.oauth.remote import Document, RemoteFailed
from fhir_server.oauth.remote_keys import RemoteKeys

_KEPT = 10 * MINUTE
_PATH = "/.well-known/openid-configuration"


class Asking(Protocol):
    """How a provider is asked: ``Remote``, or what a test puts in its place."""

    async def get(self, url: str) -> Document:
        """Fetch ``url``; raises RemoteFailed."""
        ...

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> Document:
        """Send ``form``; raises RemoteFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the provider is asked what; ``names_itself``: its answers carry ``iss`` (RFC 9207)."""

    authorization: str
    token: str
    keys: RemoteKeys
    names_itself: bool


class Published:
    """Fetches and keeps the metadata of providers. ``clock`` gives microseconds."""

    def __init__(self, remote: Asking, clock: Callable[[], int]) -> None:
        """Begin with nothing."""
        self._remote = remote
        self._clock = clock
        self._known: dict[str, tuple[int, Metadata]] = {}

    async def of(self, provider: Provider) -> Metadata:
        """Return the metadata of ``provider``; raises RemoteFailed when there is none, or it is another issuer's."""
        until, known = self._known.get(provider.id, (0, None))
        if known is None or self._clock() >= until:
            document = await self._remote.get(provider.issuer.rstrip("/") + _PATH)
            known = self._read(document.content, provider)
            self._known[provider.id] = self._clock() + _KEPT, known
        return known

    def _read(self, found: dict[str, Any], provider: Provider) -> Metadata:
        if found.get("issuer") != provider.issuer:
            raise RemoteFailed("the metadata is that of another issuer")
        places = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(map(safe, places)):
            raise RemoteFailed("the metadata names no endpoints that are safe to use")
        authorization, token, keys = map(str, places)
        names_itself = found.get("authorization_response_iss_parameter_supported") is True
        return Metadata(authorization, token, RemoteKeys(keys, self._remote), names_itself)
