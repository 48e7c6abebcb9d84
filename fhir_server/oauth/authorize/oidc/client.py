"""The server as a client of a provider: code flow with PKCE, state and nonce (RFC 9700)."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import quote_plus, urlencode

from fhir_server.oauth.authorize.oidc.id_token import verify_id_token
from fhir_server.oauth.authorize.oidc.metadata import Asking, Metadata, Published
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.refusal import refused


class Cancelled(Exception):
    """The person did not log in at the provider, or the provider refused."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One login under way at ``provider`` (its id): what must come back, and what must not leave the browser's cookie."""

    provider: str
    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def begin(cls, provider: Provider, following: str) -> "Attempt":
        """Return a fresh attempt, after which the query ``following`` is carried on."""
        return cls(provider.id, fresh_secret(), fresh_secret(), fresh_secret(), following)

    def values(self) -> dict[str, str]:
        """Return it as what can be sealed."""
        return asdict(self)


class OidcClient:
    """Sends people to providers, and reads what comes back. ``root`` is our own address; ``clock`` gives microseconds."""

    def __init__(self, remote: Asking, root: str, clock: Callable[[], int]) -> None:
        """Ask with ``remote``."""
        self._remote = remote
        self._root = root
        self._clock = clock
        self._published = Published(remote, clock)

    async def address(self, provider: Provider, attempt: Attempt, *, again: bool = False) -> str:
        """Return where the browser is to go; ``again``: also who is logged in there has to log in. Raises RemoteFailed."""
        metadata = await self._published.of(provider)
        digest = sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self.callback(provider),
            "scope": provider.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login"} if again else {}),
            **({"acr_values": " ".join(provider.acr_values)} if provider.acr_values else {}),
        }
        return f"{metadata.authorization}?{urlencode(asked)}"

    async def claims(self, provider: Provider, attempt: Attempt, answer: Mapping[str, str]) -> dict[str, Any]:
        """Return the verified claims for what the browser brought back in ``answer``.

        Raises Cancelled, Unauthorized (any part does not fit), NoIssuer and RemoteFailed (the provider does not answer).
        """
        metadata = await self._published.of(provider)
        self._check(provider, metadata, attempt, answer)
        if "error" in answer:
            raise Cancelled
        tokens = await self._exchanged(provider, metadata, attempt, answer.get("code", ""))
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise refused("token-malformed", "The provider gave no id_token.")
        return await verify_id_token(token, provider, metadata, attempt.nonce, self._clock())

    def callback(self, provider: Provider) -> str:
        """Return the redirect URI, one for each provider, so that no answer can be taken for another's (RFC 9700 section 4.4)."""
        return f"{self._root}/oauth/login/{provider.id}/callback"

    def _check(self, provider: Provider, metadata: Metadata, attempt: Attempt, answer: Mapping[str, str]) -> None:
        if attempt.provider != provider.id:
            raise refused("token-issuer", "The login was begun at another provider.")
        if not compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise refused("token-claims", "The answer belongs to another login.")
        if answer.get("iss", provider.issuer) != provider.issuer or (metadata.names_itself and "iss" not in answer):
            raise refused("token-issuer", "The answer does not come from the provider that was asked.")

    async def _exchanged(self, provider: Provider, metadata: Metadata, attempt: Attempt, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback(provider),
            "code_verifier": attempt.verifier,
            **({} if provider.secret else {"client_id": provider.client_id}),
        }
        return (await self._remote.post(metadata.token, form, _basic(provider))).content


def _basic(provider: Provider) -> str:
    """Return the header of client_secret_basic (RFC 6749 section 2.3.1), "" for a provider that gave us no secret."""
    if not provider.secret:
        return ""
    pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"
