"""The end of an authorization request: the client gets a code, or an error (RFC 6749 section 4.1.2, RFC 9207)."""

from collections.abc import Sequence

from fastapi.responses import Response

from fhir_server.access.actor import Actor
from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.page import redirect
from fhir_server.oauth.authorize.request import AuthorizationRequest, Refused, answer_uri
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import CODE_LIFETIME, AuthorizationCode, Granted, LoginSession, hashed


def refusal(desk: Desk, redirect_uri: str, state: str, refused: Refused) -> Response:
    """Return the redirect that tells the client why it gets no code."""
    values = {"error": refused.error, "error_description": refused.description, "iss": desk.authority.issuer}
    return redirect(answer_uri(redirect_uri, values | ({"state": state} if state else {})))


async def approval(
    desk: Desk, asked: AuthorizationRequest, session: LoginSession, actor: Actor, scopes: Sequence[str], patient: str
) -> Response:
    """Put a code in the store and return the redirect that brings it to the client; ``patient`` is "Patient/id" or ""."""
    code = fresh_secret()
    granted = Granted(
        client=asked.client,
        subject=session.subject,
        role=session.role,
        scope=" ".join(scopes),
        patient=patient.removeprefix("Patient/"),
        purpose=actor.purpose,
        organisation=session.organisation,
        nonce=asked.nonce,
        authenticated=session.authenticated,
        session=session.id,
    )
    await desk.authority.store.put_code(
        AuthorizationCode(
            hash=hashed(code),
            family=desk.authority.new_id(),
            granted=granted,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            expires=desk.authority.clock() + CODE_LIFETIME,
        )
    )
    return redirect(answer_uri(asked.redirect_uri, {"code": code, "state": asked.state, "iss": desk.authority.issuer}))
