"""The consent screen: which app, for whom, what exactly, for how long; and what is done with the answer."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response

from fhir_server.access.actor import Actor
from fhir_server.oauth.authorize.consent_groups import IDENTITY_KEY, OFFLINE_KEY, joined
from fhir_server.oauth.authorize.desk import Desk, language_for
from fhir_server.oauth.authorize.people import Person
from fhir_server.oauth.authorize.remembered import Right, after, covered
from fhir_server.oauth.authorize.request import AuthorizationRequest, origin_of, place_of
from fhir_server.oauth.authorize.scopes import OFFLINE
from fhir_server.oauth.clients import Client
from fhir_server.oauth.store import ConsentGiven, LoginSession

UNUSED_DAYS = 30  # what a refresh token lasts without being used, oauth/issuing.py


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: by which client, who they are, about which client of care (None: about all that they may see)."""

    asked: AuthorizationRequest
    client: Client
    session: LoginSession
    actor: Actor
    person: Person
    about: Person | None

    @property
    def patient(self) -> str:
        """The bare id of the patient, "" for none."""
        return self.about.reference.removeprefix("Patient/") if self.about else ""


def rights(desk: Desk, question: Question) -> frozenset[Right]:
    """Return what is asked, one by one."""
    return desk.groups.rights(question.asked.scopes, desk.letters(question.actor.role))


def offered(desk: Desk, question: Question) -> tuple[str, ...]:
    """Return the keys of what can be switched on and off."""
    return desk.groups.offered(question.asked.scopes, desk.letters(question.actor.role))


async def given_before(desk: Desk, question: Question) -> frozenset[Right]:
    """Return what the person agreed to before, for this client about the same patient."""
    letters = desk.letters(question.actor.role)
    found = [
        each
        for each in await desk.authority.store.consents(question.session.subject)
        if (each.client, each.patient) == (question.client.id, question.patient)
    ]
    return frozenset(right for each in found for right in desk.groups.rights(each.scope.split(), letters))


async def needs_asking(desk: Desk, question: Question) -> bool:
    """Tell whether the person must be asked: unless they agreed to all of it before, and an app cannot pose as this one.

    A redirect URI is all that proves who a public client is; on a device any program can have one (RFC 8252 section 8.6).
    """
    if "consent" in question.asked.prompts:
        return True
    if question.client.public and urlsplit(question.asked.redirect_uri).scheme != "https":
        return True
    return not covered(rights(desk, question), await given_before(desk, question))


async def consent_page(desk: Desk, request: Request, question: Question, *, wrong: bool = False) -> Response:
    """Return the page. After a first answer only what was agreed to then is shown as on."""
    language = language_for(request)
    before = {key for key, _ in await given_before(desk, question)}
    keys = offered(desk, question)
    offline = OFFLINE in question.asked.scopes
    return desk.pages.page(
        "consent",
        language,
        "consent-title",
        status=400 if wrong else 200,
        forms_to=[origin_of(question.asked.redirect_uri)],
        app=question.client.name,
        person=question.person.name,
        about=question.about.name if question.about else "",
        patient=question.about.reference if question.about else "",
        offered=[{"key": key, "text": words(desk, language, key), "on": not before or key in before} for key in keys],
        duration=desk.pages.text(language, "consent-long" if offline else "consent-short", **_times(desk, question.client)),
        place=place_of(question.asked.redirect_uri),
        action=f"/oauth/authorize?{request.url.query}",
        csrf=question.session.csrf,
        wrong=wrong,
    )


def words(desk: Desk, language: str, key: str) -> str:
    """Return what a key is called."""
    if key in {IDENTITY_KEY, OFFLINE_KEY}:
        return desk.pages.text(language, key)
    return desk.groups.texts[language][key]


async def remember(desk: Desk, question: Question, kept: Collection[str]) -> None:
    """Store what the person agreed to; what is allowed no more is taken from the client at once."""
    store, now = desk.authority.store, desk.authority.clock()
    result = after(await given_before(desk, question), rights(desk, question), kept)
    if result.less:
        await store.revoke_client(question.session.subject, question.client.id, now)
        await desk.authority.revocations.look(now)
    scope = " ".join(joined(right for _, right in sorted(result.rights)))
    await store.remember_consent(ConsentGiven(question.session.subject, question.client.id, scope, now, question.patient))


def _times(desk: Desk, client: Client) -> dict[str, str]:
    return {"minutes": str(-(-desk.authority.lifetime(client) // 60)), "days": str(UNUSED_DAYS)}
