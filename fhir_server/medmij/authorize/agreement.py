"""The page on which a client agrees that a PGO collects from a provider, and what is done with the answer.

https://vzvz.atlassian.net/wiki/spaces/MMAfsprakenstelsel2/pages/1094975575 (Toestemmingsverklaring, version 2.2.4)
"""

from typing import Final

from fastapi.responses import Response

from fhir_server.access.actor import PURPOSES
from fhir_server.medmij.access_token import LIFETIME
from fhir_server.medmij.authorize.availability import Availability
from fhir_server.medmij.authorize.request import Asked
from fhir_server.medmij.door import LANGUAGE, Door
from fhir_server.medmij.parties import client_of, consent_of, scope_of
from fhir_server.medmij.revoking import revoke
from fhir_server.oauth.authorize.request import origin_of
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import SECOND, AuthorizationCode, ConsentGiven, Granted, LoginSession, hashed

CODE_LIFETIME: Final = 300 * SECOND
_TEXT: Final = "text:"


async def asked_page(door: Door, asked: Asked, session: LoginSession, held: Availability, action: str) -> Response:
    """Return the page that asks for consent; the box for an indefinite time is not ticked."""
    person = await door.desk.people.known(session.subject)
    return door.pages.page(
        "agree",
        LANGUAGE,
        "agree-title",
        forms_to=[origin_of(asked.redirect_uri)],
        app=asked.client.name,
        provider=asked.provider.name,
        privacy=asked.provider.privacy,
        person=person.name if person else "",
        services=[door.service_name(asked.provider, each) for each in held.services],
        minutes=str(LIFETIME // 60),
        action=action,
        csrf=session.csrf,
    )


def refused_page(door: Door, asked: Asked, session: LoginSession, held: Availability, action: str) -> Response:
    """Return the page that tells a client why there is nothing to collect: the PGO is not told."""
    return door.pages.page(
        "none",
        LANGUAGE,
        "none-title",
        forms_to=[origin_of(asked.redirect_uri)],
        why=door.pages.text(LANGUAGE, f"none-{held.reason}", provider=asked.provider.name),
        app=asked.client.name,
        action=action,
        csrf=session.csrf,
    )


async def agreed(door: Door, asked: Asked, session: LoginSession, held: Availability, *, indefinite: bool) -> str:
    """Keep the consent instead of what was agreed before for the same PGO and provider, and return a code for it."""
    await withdrawn(door, asked, session)
    now, store = door.authority.clock(), door.authority.store
    version = door.pages.text(LANGUAGE, "version")
    scope = " ".join((scope_of(asked.provider.id, indefinite=indefinite), *held.services, f"{_TEXT}{version}"))
    patient = session.subject.removeprefix("Patient/")
    consent = consent_of(asked.client.host, asked.provider.id)
    await store.remember_consent(ConsentGiven(session.subject, consent, scope, now, patient))
    code = fresh_secret()
    await store.put_code(
        AuthorizationCode(
            hash=hashed(code),
            family=door.authority.new_id(),
            granted=_granted(asked, session, patient, indefinite=indefinite),
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            expires=now + CODE_LIFETIME,
        )
    )
    return code


async def withdrawn(door: Door, asked: Asked, session: LoginSession) -> None:
    """Take from the PGO what it had of this client from this provider: another answer takes its place."""
    await door.authority.store.forget_consent(session.subject, consent_of(asked.client.host, asked.provider.id))
    await revoke(door.authority, session.subject, asked.client.host, asked.provider.id)


def _granted(asked: Asked, session: LoginSession, patient: str, *, indefinite: bool) -> Granted:
    return Granted(
        client=client_of(asked.client.host),
        subject=session.subject,
        role="pgo",
        scope=scope_of(asked.provider.id, indefinite=indefinite),
        patient=patient,
        purpose=PURPOSES["pgo"],
        authenticated=session.authenticated,  # of no log-in here: the client goes on to the next provider, and logs in anew for it
    )
