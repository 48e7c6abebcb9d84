"""``/oauth/authorize``: from an authorization request to a code, page by page.

The request stays in the query string all along, so that it is checked anew at every step and nothing is kept between them.
"""

from collections.abc import Sequence
from dataclasses import replace
from hmac import compare_digest

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.answer import approval, refusal
from fhir_server.oauth.authorize.consent import Question, consent_page, needs_asking, offered, remember
from fhir_server.oauth.authorize.desk import Desk, language_for
from fhir_server.oauth.authorize.form import Form, read_form
from fhir_server.oauth.authorize.launch import launched, use_handle
from fhir_server.oauth.authorize.login import login_page
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.people import Person
from fhir_server.oauth.authorize.request import (
    LONGEST_QUERY,
    AuthorizationRequest,
    Parameters,
    Party,
    Refused,
    Shown,
    client_of,
    origin_of,
    read_request,
    redirect_uri_of,
)
from fhir_server.oauth.clients import Client
from fhir_server.oauth.store import SECOND, LoginSession


async def authorize(desk: Desk, request: Request) -> Response:
    """Answer a request of a client, or a form of one of the pages that it led to; raises Shown."""
    form = await read_form(request) if request.method == "POST" else Form(())
    if form.get("client_id") and not request.url.query:
        return _as_query(form)
    parameters = Parameters(request.url.query)
    client = desk.authority.clients.get(client_of(parameters))
    if client is None or "authorization_code" not in client.grant_types:
        raise Shown("unknown-client")
    redirect_uri = redirect_uri_of(parameters, client.redirect_uris)
    try:
        return await _validated(desk, request, form, parameters, client)
    except Refused as refused:
        return refusal(desk, redirect_uri, _state(parameters), refused)


def _as_query(form: Form) -> Response:
    query = form.encoded()
    if len(query) > LONGEST_QUERY:
        raise Shown("bad-request", 414)
    return redirect(f"/oauth/authorize?{query}")


def _state(parameters: Parameters) -> str:
    try:
        return parameters.get("state")
    except Refused:
        return ""


async def _validated(desk: Desk, request: Request, form: Form, parameters: Parameters, client: Client) -> Response:
    party = Party(client.redirect_uris, frozenset(client.scope.split()))
    asked = read_request(parameters, client.id, party, desk.authority.audience, desk.types)
    session = await desk.sessions.find(request)
    person = await desk.people.known(session.subject) if session else None
    actor = await desk.people.actor(session.subject, session.role, client.id) if session else None
    if session is None or actor is None or person is None or (request.method == "GET" and _must_log_in(desk, asked, session)):
        if "none" in asked.prompts:
            raise Refused("login_required", "nobody is logged in")
        return await login_page(desk, request, request.url.query)
    if request.method == "POST" and not _believed(form, session):
        raise Shown("form-expired", 403)
    return await _logged_in(desk, request, form, Question(asked, client, session, actor, person, None))


def _must_log_in(desk: Desk, asked: AuthorizationRequest, session: LoginSession) -> bool:
    if asked.prompts & {"login", "select_account"}:
        return True
    return asked.max_age is not None and desk.authority.clock() - session.authenticated > asked.max_age * SECOND


def _believed(form: Form, session: LoginSession) -> bool:
    return compare_digest(form.get("csrf").encode(), session.csrf.encode())


async def _logged_in(desk: Desk, request: Request, form: Form, question: Question) -> Response:
    step = form.get("step")
    if step == "deny":
        await desk.record(request, question.actor, "authorize", 403, detail="denied")
        raise Refused("access_denied", "the person did not consent")
    about = None
    if question.asked.wants_patient:
        found = await _about(desk, request, form, question)
        if isinstance(found, Response):
            return found
        about = found
    return await _consented(desk, request, form, replace(question, about=about))


async def _about(desk: Desk, request: Request, form: Form, question: Question) -> Person | Response:
    """Return the client whose dossier it is about, or the page that asks for it; raises Refused."""
    asked, actor = question.asked, question.actor
    if asked.launch:
        patient = launched(desk, asked.launch, question.session.subject)
        found = await desk.people.dossier(actor, patient)
        if found is None:
            raise Refused("invalid_request", "launch is not known, was used, is too old, or was made for somebody else")
        return found
    if chosen := form.get("patient"):
        found = await desk.people.dossier(actor, chosen)
        if found is not None:
            return found
    patients, more = await desk.people.dossiers(actor, form.get("find"))
    if len(patients) == 1 and not more and not form.get("find"):
        return patients[0]
    if "none" in asked.prompts:
        raise Refused("interaction_required", "a patient must be chosen")
    return _patient_page(desk, request, question, patients, more=more, find=form.get("find"))


def _patient_page(
    desk: Desk, request: Request, question: Question, patients: Sequence[Person], *, more: bool, find: str
) -> Response:
    return desk.pages.page(
        "patient",
        language_for(request),
        "patient-title",
        forms_to=[origin_of(question.asked.redirect_uri)],
        app=question.client.name,
        patients=patients,
        more=more,
        find=find,
        action=f"/oauth/authorize?{request.url.query}",
        csrf=question.session.csrf,
    )


async def _consented(desk: Desk, request: Request, form: Form, question: Question) -> Response:
    keys = offered(desk, question)
    if not keys:
        raise Refused("invalid_scope", "nothing of what is asked can be given to this person")
    if form.get("step") == "approve":
        kept = [key for key in form.all("grant") if key in keys]
        if not kept or kept == ["offline"]:
            return await consent_page(desk, request, question, wrong=True)
        await _use_launch(desk, question)
        await remember(desk, question, kept)
        return await _approved(desk, request, question, kept, "consent")
    if not await needs_asking(desk, question):
        await _use_launch(desk, question)
        return await _approved(desk, request, question, keys, "consent before")
    if "none" in question.asked.prompts:
        raise Refused("consent_required", "the person has not consented to this before")
    return await consent_page(desk, request, question)


async def _use_launch(desk: Desk, question: Question) -> None:
    if question.asked.launch and not await use_handle(desk, question.asked.launch):
        raise Refused("invalid_request", "launch is not known, was used, is too old, or was made for somebody else")


async def _approved(desk: Desk, request: Request, question: Question, kept: Sequence[str], detail: str) -> Response:
    letters = desk.letters(question.actor.role)
    scopes = desk.groups.narrowed(question.asked.scopes, kept, letters)
    patient = question.about.reference if question.about else ""
    await desk.record(request, question.actor, "authorize", 200, patient=patient, detail=detail)
    return await approval(desk, question.asked, question.session, question.actor, scopes, patient)
