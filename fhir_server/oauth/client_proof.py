"""Which client asks, and its proof (RFC 6749 section 2.3): secret, signed assertion, or, for a public client, its id alone."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_plus

from fhir_server.oauth.assertion import TYPE, Assertion, proven, read_assertion
from fhir_server.oauth.clients import Client, Clients
from fhir_server.oauth.failures import Failures
from fhir_server.oauth.jwk import VerifyingKey
from fhir_server.oauth.oauth_error import OAuthError, invalid_client, invalid_request

KeysOf = Callable[[Client, str, int], Awaitable[Sequence[VerifyingKey]]]
"""The keys of a client, of which the one with a kid is wanted at an instant (microseconds); raises OAuthError."""


class Uses(Protocol):
    """Remembers what may be used once."""

    async def first_use(self, value: str, until: int, now: int) -> bool:
        """Tell whether ``value`` is new."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who a request says it is from, and by what; nothing is proven yet."""

    client: str
    secret: str | None = None
    assertion: Assertion | None = None
    basic: bool = False


class ClientDoor:
    """Lets clients in, one request at a time."""

    def __init__(self, clients: Clients, keys_of: KeysOf, uses: Uses, audience: str, failures: Failures) -> None:
        """Know ``clients``; their assertions must be for ``audience``, the token endpoint."""
        self._clients = clients
        self._keys_of = keys_of
        self._uses = uses
        self._audience = audience
        self._failures = failures

    async def client(self, authorization: str, form: Mapping[str, str], address: str, now: int) -> Client:
        """Return the client that proved who it is; raises OAuthError (invalid_request, invalid_client; 429 after failures)."""
        claimed = claim(authorization, form)
        counted = claimed.client if claimed.client in self._clients else ""
        wait = self._failures.wait(counted, address, now)
        if wait:
            raise OAuthError("invalid_client", "Too many failed attempts.", 429, {"Retry-After": str(wait)})
        try:
            client = await self._proven(claimed, now)
        except OAuthError:
            self._failures.count(counted, address, now)
            raise
        if not client.public:  # which proves nothing
            self._failures.forget(client.id, address)
        return client

    async def _proven(self, claimed: Claimed, now: int) -> Client:
        client = self._clients.get(claimed.client)
        if client is None:
            raise invalid_client("The client is not known here.", basic=claimed.basic)
        if _method(claimed) != client.auth_method:
            raise invalid_client(f"The client must prove who it is by {client.auth_method}.", basic=claimed.basic)
        if claimed.secret is not None and not client.has_secret(claimed.secret):
            raise invalid_client("The secret of the client is wrong.", basic=True)
        if claimed.assertion is not None:
            await self._check(client, claimed.assertion, now)
        return client

    async def _check(self, client: Client, assertion: Assertion, now: int) -> None:
        keys = await self._keys_of(client, assertion.kid, now)
        proof = proven(assertion, keys, client.jwks_uri, self._audience, now)
        if not await self._uses.first_use(f"assertion {client.id} {proof.jti}", proof.until, now):
            raise invalid_client("The client assertion was used before (jti). Make a new one for each request.")


def claim(authorization: str, form: Mapping[str, str]) -> Claimed:
    """Return who a request says it is from; raises OAuthError for one that says it twice, or in a way that is not spoken here."""
    if "client_secret" in form:
        raise invalid_request("A client_secret in the body is not accepted: send it in the header Authorization (Basic).")
    if authorization and "client_assertion" in form:
        raise invalid_request("The client proves who it is in two ways at once.")
    found = _basic(authorization) if authorization else _in_form(form)
    if form.get("client_id", found.client) != found.client:
        raise invalid_client("The client_id is not the one of the proof.", basic=found.basic)
    return found


def _in_form(form: Mapping[str, str]) -> Claimed:
    if "client_assertion" in form:
        if form.get("client_assertion_type") != TYPE:
            raise invalid_request(f"The client_assertion_type must be {TYPE}.")
        assertion = read_assertion(form["client_assertion"])
        return Claimed(assertion.client, assertion=assertion)
    if "client_id" not in form:
        raise invalid_client("The request does not say which client it is from.")
    return Claimed(form["client_id"])


def _basic(authorization: str) -> Claimed:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("The header Authorization must be Basic here.", basic=True)
    try:
        name, colon, secret = b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError as error:
        raise invalid_client("The header Authorization holds no client_id and secret.", basic=True) from error
    if not colon:
        raise invalid_client("The header Authorization holds no client_id and secret.", basic=True)
    return Claimed(unquote_plus(name), secret=unquote_plus(secret), basic=True)


def _method(claimed: Claimed) -> str:
    if claimed.assertion is not None:
        return "private_key_jwt"
    return "none" if claimed.secret is None else "client_secret_basic"
