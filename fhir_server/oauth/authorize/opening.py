"""Puts the parts of the pages together."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from fastapi import APIRouter, Request

from fhir_server.access.actor import Actor
from fhir_server.access.roles import Roles
from fhir_server.interactions.services import Services
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.consent_groups import Letters, load_groups
from fhir_server.oauth.authorize.cookies import Cookies
from fhir_server.oauth.authorize.csrf import Csrf
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.elsewhere import Elsewhere
from fhir_server.oauth.authorize.limit import Limit
from fhir_server.oauth.authorize.oidc.client import OidcClient
from fhir_server.oauth.authorize.oidc.metadata import Asking
from fhir_server.oauth.authorize.oidc.provider import Provider
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.authorize.people import People
from fhir_server.oauth.authorize.router import router
from fhir_server.oauth.authorize.sealed import Sealed
from fhir_server.oauth.authorize.sessions import Sessions
from fhir_server.oauth.bearer import Bearer
from fhir_server.oauth.presented import Presented

Caller: TypeAlias = Callable[[MutableMapping[str, Any]], str]
"""Tells for an ASGI scope from which address the request comes."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """How people log in: at which ``providers`` (by id), and as whom the development login offers (None: there is none).

    ``attempts`` is how often that may fail from one address. ``closed``: nobody logs in, since others could read along.
    ``elsewhere``
    is another door whose requests they log in for.
    """

    providers: Mapping[str, Provider]
    attempts: int
    development: Sequence[str] | None = None
    closed: bool = False
    elsewhere: Elsewhere | None = None


def pages(
    authority: Authority,
    services: Services,
    roles: Roles,
    bearer: Bearer,
    remote: Asking,
    secret: bytes,
    log_in: LogIn,
    caller: Caller,
) -> tuple[Desk, APIRouter]:
    """Return what the pages work with, and their routes; ``secret`` are random bytes of this server, the same in its processes."""
    cookies = Cookies(secure=urlsplit(authority.issuer).scheme == "https")
    desk = Desk(
        authority=authority,
        people=People(services),
        pages=Pages(),
        groups=load_groups(frozenset(services.catalog.types)),
        csrf=Csrf(secret),
        sealed=Sealed(secret, authority.new_id),
        cookies=cookies,
        sessions=Sessions(authority.store, cookies, authority.clock, authority.new_id),
        limit=Limit(log_in.attempts),
        types=frozenset(services.catalog.types),
        letters=lambda role: letters_of(roles, role),
        caller=caller,
        authenticate=lambda request: _authenticated(bearer, services, authority, request),
        providers=log_in.providers,
        development=log_in.development,
        closed=log_in.closed,
        elsewhere=log_in.elsewhere,
    )
    return desk, router(desk, OidcClient(remote, authority.issuer, authority.clock))


def letters_of(roles: Roles, role: str) -> Letters:
    """Return what ``role`` may do with a type, in the own store or at the sources."""
    return lambda type_: roles.letters(role, type_) + ("rs" if roles.asks_sources(role, type_) else "")


async def _authenticated(bearer: Bearer, services: Services, authority: Authority, request: Request) -> Actor:
    raw = request.scope["headers"]
    header = next((value for name, value in raw if name == b"authorization"), None)
    url = authority.issuer + request.url.path
    now = authority.clock()
    actor = await bearer.actor(Presented(header, request.method, url, raw, request.client.host if request.client else ""), now)
    return await services.standings.of(actor, now)
