"""``/oauth/apps``: what a person consented to, and how to take it back; ``/oauth/logout``: the end of a log-in."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.consent import words
from fhir_server.oauth.authorize.desk import Desk, language_for
from fhir_server.oauth.authorize.form import Form
from fhir_server.oauth.authorize.login import login_page
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.request import Shown
from fhir_server.oauth.store import SECOND, ConsentGiven, LoginSession


async def show_apps(desk: Desk, request: Request, *, withdrawn: bool = False) -> Response:
    """Return the page with all apps that the person consented to."""
    session = await desk.sessions.find(request)
    person = await desk.people.known(session.subject) if session else None
    if session is None or person is None:
        return await login_page(desk, request, "")
    language = language_for(request)
    given = await desk.authority.store.consents(session.subject)
    clients = dict.fromkeys(each.client for each in given)
    apps = [await _app(desk, language, session, client, [each for each in given if each.client == client]) for client in clients]
    return desk.pages.page("apps", language, "apps-title", person=person.name, apps=apps, csrf=session.csrf, withdrawn=withdrawn)


async def withdraw(desk: Desk, request: Request, form: Form) -> Response:
    """Take a consent back: it is forgotten, and every token that came from it is good no more."""
    session = await _believed(desk, request, form)
    client = form.get("client")
    store = desk.authority.store
    if desk.elsewhere and desk.elsewhere.is_own(client):
        await desk.elsewhere.withdraw(session.subject, client)
    await store.forget_consent(session.subject, client)
    await store.revoke_client(session.subject, client, desk.authority.clock())
    await desk.authority.revocations.look(desk.authority.clock())
    actor = await desk.people.actor(session.subject, session.role, client)
    await desk.record(request, actor, "authorize", 200, detail="withdrawn")
    return redirect("/oauth/apps?withdrawn=1")


async def ask_to_log_out(desk: Desk, request: Request) -> Response:
    """Return the page with the button."""
    session = await desk.sessions.find(request)
    language = language_for(request)
    if session is None:
        return _logged_out(desk, language)
    return desk.pages.page("logout", language, "logout-title", csrf=session.csrf)


async def log_out(desk: Desk, request: Request, form: Form) -> Response:
    """End the log-in, and with it the tokens that do not outlive it."""
    session = await _believed(desk, request, form)
    page = _logged_out(desk, language_for(request))
    await desk.sessions.end(request, page)
    await desk.authority.revocations.look(desk.authority.clock())
    actor = await desk.people.actor(session.subject, session.role)
    await desk.record(request, actor, "logout", 200)
    return page


def _logged_out(desk: Desk, language: str) -> Response:
    return desk.pages.page("done", language, "logged-out-title", message=desk.pages.text(language, "logged-out-text"))


async def _believed(desk: Desk, request: Request, form: Form) -> LoginSession:
    session = await desk.sessions.find(request)
    if session is None or not compare_digest(form.get("csrf").encode(), session.csrf.encode()):
        raise Shown("form-expired", 403)
    return session


async def _app(desk: Desk, language: str, session: LoginSession, client: str, given: Sequence[ConsentGiven]) -> dict[str, Any]:
    if desk.elsewhere and desk.elsewhere.is_own(client):
        names, given_to = [each for one in given for each in desk.elsewhere.words(one)], desk.elsewhere.name(client)
        return {"client": client, "name": given_to, "since": _day(min(each.given for each in given)), "about": "", "given": names}
    known = desk.authority.clients.get(client)
    scopes = [word for each in given for word in each.scope.split()]
    keys = desk.groups.offered(scopes, desk.letters(session.role))
    return {
        "client": client,
        "name": known.name if known else client,
        "since": _day(min(each.given for each in given)),
        "about": ", ".join(await _names(desk, session, [each.patient for each in given if each.patient])),
        "given": [words(desk, language, key) for key in keys],
    }


async def _names(desk: Desk, session: LoginSession, patients: Iterable[str]) -> list[str]:
    actor = await desk.people.actor(session.subject, session.role)
    found = [await desk.people.dossier(actor, f"Patient/{each}") for each in patients] if actor else []
    return [each.name for each in found if each]


def _day(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%d-%m-%Y")
