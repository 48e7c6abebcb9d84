"""The endpoints that clients talk to: token, introspection and revocation, with the line that each leaves in the record."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from fhir_server.errors import Unauthorized
from fhir_server.oauth.authority import Authority, Interaction
from fhir_server.oauth.clients import Client
from fhir_server.oauth.grants import GRANTS
from fhir_server.oauth.inspection import inspected, revoked
from fhir_server.oauth.oauth_error import NO_STORE, OAuthError, answer
from fhir_server.oauth.posted import posted, required
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.refusal import NONCE, WANTS_NONCE
from fhir_server.oauth.store import Granted
from fhir_server.storage.repository import StorageFull, Unavailable

_log = logging.getLogger("fhir_server.oauth")
_OK: Final = 200


class Exchange:
    """One request at one of the endpoints: how far it has come is what its line in the record will say."""

    def __init__(self, authority: Authority, interaction: Interaction, request: Request) -> None:
        """Begin."""
        self.authority = authority
        self.request = request
        self.now = authority.clock()
        self.client = ""
        self.granted: Granted | None = None
        self.detail = ""
        self.headers: dict[str, str] = {}
        self._interaction = interaction

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.authority.caller(self.request.scope)

    async def of_client(self) -> tuple[Client, Mapping[str, str]]:
        """Return the client that proved who it is, and what it posted; raises OAuthError."""
        form = await posted(self.request)
        self.detail = form.get("grant_type", "") if form.get("grant_type", "") in GRANTS else ""
        authorization = self.request.headers.get("authorization", "")
        client = await self.authority.door.client(authorization, form, self.address, self.now)
        self.client = client.id
        return client, form

    async def bound(self) -> str:
        """Return the thumbprint of the key that the request proves to have (DPoP), "" for none; raises OAuthError."""
        nonce = self.authority.proofs.nonce(self.now)
        if nonce and "dpop" in self.request.headers:
            self.headers = {NONCE: nonce}
        url = f"{self.authority.issuer}{self.request.url.path}"
        try:
            return await self.authority.proofs.key(Presented(None, self.request.method, url, self.request.headers.raw), self.now)
        except Unauthorized as error:
            wanted = error.issues[0].detail == WANTS_NONCE
            raise OAuthError("use_dpop_nonce" if wanted else "invalid_dpop_proof", error.text) from error

    async def answer(self, act: Callable[["Exchange"], Awaitable[dict[str, Any]]]) -> Response:
        """Answer with what ``act`` returns, or why not; in both cases after the line is in the record."""
        try:
            try:
                body = await act(self)
                answered: Response = JSONResponse(body, _OK, {**NO_STORE, **self.headers})
            except OAuthError as error:
                self.detail = f"{self.detail} {error.error} {error.noted}".strip()
                answered = answer(error)
                answered.headers.update(self.headers)
            try:
                await self._note(answered.status_code)
            except Exception as error:  # whatever it is: what cannot be recorded is not given out
                raise Unavailable from error
        except (Unavailable, StorageFull) as error:
            _log.error("database", extra={"error": type(error).__name__})
            unavailable = OAuthError("temporarily_unavailable", "The database does not answer.", 503, {"Retry-After": "5"})
            return answer(unavailable)
        return answered

    async def _note(self, status: int) -> None:
        await self.authority.note(
            self._interaction,
            status,
            self.now,
            client=self.client,
            granted=self.granted,
            address=self.address,
            detail=self.detail,
        )


def routes(authority: Authority) -> APIRouter:
    """Return the routes of the endpoints."""
    router = APIRouter(prefix="/oauth")

    @router.post("/token")
    async def token(request: Request) -> Response:
        """Give an access token (RFC 6749 section 3.2)."""
        return await Exchange(authority, "token", request).answer(_token)

    @router.post("/introspect")
    async def introspect(request: Request) -> Response:
        """Tell a resource server what a token is (RFC 7662)."""
        return await Exchange(authority, "introspect", request).answer(_introspect)

    @router.post("/revoke")
    async def revoke(request: Request) -> Response:
        """Make a token no longer good (RFC 7009)."""
        return await Exchange(authority, "revoke", request).answer(_revoke)

    return router


async def _token(exchange: Exchange) -> dict[str, Any]:
    client, form = await exchange.of_client()
    kind = required(form, "grant_type")
    if kind not in GRANTS:
        raise OAuthError("unsupported_grant_type", f"The grant_type can be {', '.join(GRANTS)}.")
    if kind not in client.grant_types:
        raise OAuthError("unauthorized_client", "The client is not registered for this grant_type.")
    given = await GRANTS[kind](exchange.authority, client, form, exchange.now, await exchange.bound())
    exchange.granted = given.granted
    return given.body


async def _introspect(exchange: Exchange) -> dict[str, Any]:
    client, form = await exchange.of_client()
    if client.public:
        raise OAuthError("unauthorized_client", "A public client cannot ask what a token is.", 403)
    return await inspected(exchange.authority, client, required(form, "token"), exchange.now)


async def _revoke(exchange: Exchange) -> dict[str, Any]:
    client, form = await exchange.of_client()
    exchange.granted = await revoked(exchange.authority, client, required(form, "token"), exchange.now)
    return {}
