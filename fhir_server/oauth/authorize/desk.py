"""What the pages work with; ``bootstrap`` puts it together. And what every page does: who asks, in which language, on record."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from fhir_server.access.actor import Actor
from fhir_server.audit.record import row
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.consent_groups import Groups, Letters
from fhir_server.oauth.authorize.cookies import Cookies
from fhir_server.oauth.authorize.csrf import Csrf
from fhir_server.oauth.authorize.elsewhere import Elsewhere
from fhir_server.oauth.authorize.language import language_of
from fhir_server.oauth.authorize.limit import Limit
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.authorize.people import People
from fhir_server.oauth.authorize.sealed import Sealed
from fhir_server.oauth.authorize.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the pages. ``types`` are the resource types of this server.

    ``letters`` tells for a role what it may do with a resource type. ``caller`` the address from which a request
    comes. ``authenticate`` verifies the token of a request that no
    person makes. ``development`` are the references that the development login offers, None where there is
    no such login. ``elsewhere`` is another door for which people log in here. ``closed``: the server is reached over plain http by
    others, so nobody may log in.
    """

    authority: Authority
    people: People
    pages: Pages
    groups: Groups
    csrf: Csrf
    sealed: Sealed
    cookies: Cookies
    sessions: Sessions
    limit: Limit
    types: frozenset[str]
    letters: Callable[[str], Letters]
    caller: Callable[[MutableMapping[str, Any]], str]
    authenticate: Callable[[Request], Awaitable[Actor]]
    providers: Mapping[str, Provider]
    development: Sequence[str] | None = None
    closed: bool = False
    elsewhere: Elsewhere | None = None

    async def record(
        self, request: Request, actor: Actor | None, interaction: str, status: int, *, patient: str = "", detail: str = ""
    ) -> None:
        """Append a line to the record: ``interaction`` ended with HTTP ``status``; ``patient`` is "Patient/id" or ""."""
        line = row(actor, interaction, status, self.authority.clock(), request_id(request), dossier=patient)
        client = actor.client if actor else ""
        await self.authority.record(line._replace(client=client, address=self.address(request), detail=detail))

    def address(self, request: Request) -> str:
        """Return where the request comes from, "" when that is unknown."""
        return self.caller(request.scope)

    def shown(self, request: Request, text: str, status: int, **values: str) -> Response:
        """Return the page that says ``text``, with a number by which the log knows the request."""
        language = language_for(request)
        message = self.pages.text(language, text, **values)
        return self.pages.page("error", language, "error-title", status=status, message=message, request=request_id(request))

    def wait(self, request: Request) -> Response | None:
        """Return the page that tells to wait when this address tried to log in too often."""
        seconds = self.limit.wait(self.address(request), self.authority.clock())
        if not seconds:
            return None
        page = self.shown(request, "too-many", 429, seconds=str(seconds))
        page.headers["Retry-After"] = str(seconds)
        return page


def language_for(request: Request) -> str:
    """Return the language of the answer to ``request``."""
    return language_of(request.query_params.get("ui_locales", ""), request.headers.get("accept-language", ""))


def request_id(request: Request) -> str:
    """Return the id that the router gave the request, for page, log and record."""
    found: str = request.state.id
    return found
