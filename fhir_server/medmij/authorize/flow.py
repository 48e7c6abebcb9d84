"""``/medmij/authorize``: from an authorization request to a code, page by page.

First the page that says who asks, then the log-in, whether there is anything to collect, and consent. The request stays in the
query string all along and is checked anew at every step.
https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/1097990320 (Authorization interface, version 2.2.4)
"""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from fhir_server.medmij.authorize.agreement import agreed, asked_page, refused_page, withdrawn
from fhir_server.medmij.authorize.availability import Availability, available
from fhir_server.medmij.authorize.request import Asked, answered_at, correlation_of, read_parameters, read_request, state_of
from fhir_server.medmij.authorize.ticket import Ticket, ticket_of, with_ticket, without_ticket
from fhir_server.medmij.door import AUTHORIZE, LANGUAGE, Door
from fhir_server.oauth.authorize.form import Form, read_form
from fhir_server.oauth.authorize.login import login_page
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.request import LONGEST_QUERY, Refused, Shown, answer_uri, origin_of
from fhir_server.oauth.authorize.sealed import MINUTE, used_first
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import SECOND, LoginSession

FOUND: Final = 302
DENIED: Final = "nothing is collected"
"""What the PGO is told of every ``access_denied``: why is told to the client alone (2.6)."""
_ANSWERED: Final = "access_denied"
"""What comes of an answer of the client, and is recorded with it."""
_COOKIE: Final = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Step:
    """One request at this door: what was ``asked``, with which ``form`` ("" for none) and ``query``."""

    door: Door
    request: Request
    form: Form
    asked: Asked

    @property
    def query(self) -> str:
        """The query string."""
        return self.request.url.query


async def authorize(door: Door, request: Request) -> Response:
    """Answer a request of a PGO, or a form of one of the pages that it led to; raises Shown."""
    form = await read_form(request) if request.method == "POST" else Form(())
    if form.get("client_id") and not request.url.query:
        return _as_query(form)
    await door.lists.refresh(door.authority.clock())
    parameters = read_parameters(request.url.query)
    where = answered_at(parameters, door.lists)
    try:
        return await _answered(Step(door, request, form, read_request(parameters, where, door.registry)))
    except Refused as refused:
        if refused.error != _ANSWERED:
            detail = f"trace:{correlation_of(parameters) or '-'} {where.client.host} {refused.error}"
            await door.desk.record(request, None, "authorize", 400, detail=detail)
        values = {"error": refused.error, "error_description": refused.description}
        state = state_of(parameters)
        return redirect(answer_uri(where.redirect_uri, values | ({"state": state} if state else {})), FOUND)


def _as_query(form: Form) -> Response:
    query = form.encoded()
    if len(query) > LONGEST_QUERY:
        raise Shown("bad-request", 414)
    return redirect(f"{AUTHORIZE}?{query}")


async def _answered(step: Step) -> Response:
    desk, what = step.door.desk, step.form.get("step")
    if what == "cancel":
        await desk.record(step.request, None, "authorize", 403, detail=_detail(step, "cancelled"))
        raise Refused(_ANSWERED, DENIED)
    ticket = ticket_of(desk, step.request, step.query, desk.authority.clock())
    if ticket is None:
        return _landed(step) if what == "login" else _landing_page(step)
    session = await desk.sessions.find(step.request)
    if session is None or session.authenticated < ticket.landed:  # whoever was logged in before has not logged in for this
        return await login_page(desk, step.request, f"{AUTHORIZE}?{step.query}")
    return await _logged_in(step, ticket, session)


def _landing_page(step: Step) -> Response:
    desk = step.door.desk
    cookie = desk.cookies.get(step.request, "medmij") or fresh_secret()
    page = step.door.pages.page(
        "landing",
        LANGUAGE,
        "landing-title",
        forms_to=[origin_of(step.asked.redirect_uri)],
        app=step.asked.client.name,
        provider=step.asked.provider.name,
        action=f"{AUTHORIZE}?{without_ticket(step.query)}",
        csrf=desk.csrf.token(cookie),
    )
    desk.cookies.put(page, "medmij", cookie, _COOKIE // SECOND)
    return page


def _landed(step: Step) -> Response:
    desk = step.door.desk
    cookie = desk.cookies.get(step.request, "medmij")
    if not desk.csrf.fits(step.form.get("csrf"), cookie):
        raise Shown("form-expired", 403)
    return redirect(f"{AUTHORIZE}?{with_ticket(desk, without_ticket(step.query), cookie, desk.authority.clock())}")


async def _logged_in(step: Step, ticket: Ticket, session: LoginSession) -> Response:
    door = step.door
    now = door.authority.clock()
    held = await available(door.services, step.asked.provider, session.subject, now)
    if step.request.method == "GET":
        return await _page(step, session, held)
    if not compare_digest(step.form.get("csrf").encode(), session.csrf.encode()):
        raise Shown("form-expired", 403)
    what = step.form.get("step")
    if what not in {"approve", "deny"}:
        raise Refused("server_error", "the answer of the client is not clear")
    if not await used_first(door.authority.store, ticket.text, now + _COOKIE, now):
        raise Shown("form-expired", 403)
    actor = await door.desk.people.actor(session.subject, session.role, step.asked.client.host)
    if what == "deny" or not held.services:
        await withdrawn(door, step.asked, session)
        await door.desk.record(step.request, actor, "authorize", 403, detail=_detail(step, held.reason or "denied"))
        raise Refused(_ANSWERED, DENIED)
    code = await agreed(door, step.asked, session, held, indefinite=step.form.get("indefinite") == "yes")
    await door.desk.record(step.request, actor, "authorize", 200, patient=session.subject, detail=_detail(step, "consent"))
    return redirect(answer_uri(step.asked.redirect_uri, {"code": code, "state": step.asked.state}), FOUND)


async def _page(step: Step, session: LoginSession, held: Availability) -> Response:
    action = f"{AUTHORIZE}?{step.query}"
    if not held.services:
        return refused_page(step.door, step.asked, session, held, action)
    return await asked_page(step.door, step.asked, session, held, action)


def _detail(step: Step, what: str) -> str:
    return f"service:{step.asked.provider.id} trace:{step.asked.correlation} {what}"
