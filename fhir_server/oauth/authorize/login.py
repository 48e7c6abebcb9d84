"""The login page, and what happens when somebody has been recognised."""

from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.desk import Desk, language_for
from fhir_server.oauth.authorize.elsewhere import Asking, is_elsewhere, query_of
from fhir_server.oauth.authorize.form import Form
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.people import Person
from fhir_server.oauth.authorize.request import Parameters, Shown, client_of, origin_of, redirect_uri_of
from fhir_server.oauth.authorize.sealed import MINUTE, used_first
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import SECOND

KEPT = 15 * MINUTE


async def login_page(desk: Desk, request: Request, following: str, *, status: int = 200, wrong: bool = False) -> Response:
    """Return the page with all ways to log in; ``following`` is the authorization request to carry on with, "" for none.

    It is the query of one of ours, or the path and query of one of another door.
    """
    language = language_for(request)
    cookie = desk.cookies.get(request, "login") or fresh_secret()
    page = desk.pages.page(
        "login",
        language,
        "login-title",
        status=status,
        forms_to=_forms_to(desk, following),
        app=_app(desk, following),
        providers=list(desk.providers.values()),
        development=desk.development is not None,
        persons=[person for each in desk.development or () if (person := await desk.people.known(each)) is not None],
        csrf=desk.csrf.token(cookie),
        next=following,
        cancel=following if is_elsewhere(desk.elsewhere, following) else "",
        wrong=wrong,
    )
    desk.cookies.put(page, "login", cookie, KEPT // SECOND)
    return page


async def begun(desk: Desk, request: Request, form: Form) -> Response | None:
    """Check a posted form of the login page; return the page to answer with when it must not be believed, or comes too often."""
    if (page := desk.wait(request)) is not None:
        return page
    if not desk.csrf.fits(form.get("csrf"), desk.cookies.get(request, "login")):
        desk.limit.count(desk.address(request), desk.authority.clock())
        raise Shown("form-expired", 403)
    return None


async def failed(desk: Desk, request: Request, status: int) -> None:
    """Count and record that somebody was not let in."""
    desk.limit.count(desk.address(request), desk.authority.clock())
    await desk.record(request, None, "login", status)


async def welcome(desk: Desk, request: Request, people: Sequence[Person], following: str) -> Response:
    """Log in who was recognised, after asking as whom when that is not clear."""
    if len(people) == 1:
        return await _log_in(desk, request, people[0], following)
    now = desk.authority.clock()
    cookie = desk.cookies.get(request, "login")
    ticket = {"people": [each.reference for each in people], "next": following, "cookie": desk.csrf.token(cookie)}
    return desk.pages.page(
        "persons",
        language_for(request),
        "persons-title",
        forms_to=_forms_to(desk, following),
        persons=people,
        ticket=desk.sealed.seal("person", ticket, now + KEPT),
        csrf=desk.csrf.token(cookie),
    )


async def choose_person(desk: Desk, request: Request, form: Form) -> Response:
    """Log in as the one of several persons that was chosen."""
    if (page := await begun(desk, request, form)) is not None:
        return page
    now = desk.authority.clock()
    ticket = desk.sealed.opened("person", form.get("ticket"), now)
    chosen = form.get("person")
    if ticket is None or ticket["cookie"] != form.get("csrf") or chosen not in ticket["people"]:
        raise Shown("form-expired", 403)
    person = await desk.people.known(chosen)
    if person is None or not await used_first(desk.authority.store, form.get("ticket"), now + KEPT, now):
        raise Shown("form-expired", 403)
    return await _log_in(desk, request, person, ticket["next"])


async def _log_in(desk: Desk, request: Request, person: Person, following: str) -> Response:
    page = redirect(_way_on(desk, following))
    await desk.sessions.start(request, page, person)
    await desk.record(request, await desk.people.actor(person.reference, person.role, _client(desk, following)), "login", 200)
    return page


def _way_on(desk: Desk, following: str) -> str:
    if not following:
        return "/oauth/apps"
    if is_elsewhere(desk.elsewhere, following):
        return following
    return f"/oauth/authorize?{Parameters(following).without_steps()}"


def _asking(desk: Desk, following: str) -> Asking | None:
    if desk.elsewhere is None or not is_elsewhere(desk.elsewhere, following):
        return None
    return desk.elsewhere.asking(query_of(following))


def _client(desk: Desk, following: str) -> str:
    if is_elsewhere(desk.elsewhere, following):
        return ""
    try:
        return client_of(Parameters(following)) if following else ""
    except Shown:
        return ""


def _app(desk: Desk, following: str) -> str:
    if asking := _asking(desk, following):
        return asking.name
    client = desk.authority.clients.get(_client(desk, following))
    return client.name if client else ""


def _forms_to(desk: Desk, following: str) -> list[str]:
    """Return the origin to which a form can lead by redirects: that of the client, when nothing more has to be asked."""
    if asking := _asking(desk, following):
        return [asking.origin]
    client = desk.authority.clients.get(_client(desk, following))
    try:
        return [origin_of(redirect_uri_of(Parameters(following), client.redirect_uris))] if client else []
    except Shown:
        return []
