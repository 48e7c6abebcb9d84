"""Asking the issuer about a token (https://www.rfc-editor.org/rfc/rfc7662), for those that only the issuer can read."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhir_server.oauth.claims import LEEWAY, SECOND, audience, instant, text
from fhir_server.oauth.refusal import refused, silent
from fhir_server.oauth.remote import Document, RemoteFailed

KEPT = 30 * SECOND
_log = logging.getLogger("fhir_server.oauth")


class Posting(Protocol):
    """What sends a form and returns the answer."""

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> Document:
        """Send ``form``; raises RemoteFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Introspection:
    """The endpoint ``url``, and with which ``authorization`` (the value of that header, "" for none) it is asked."""

    url: str
    authorization: str = field(repr=False)
    remote: Posting

    async def claims(self, token: str) -> dict[str, Any]:
        """Return what the issuer says of ``token``; raises Unauthorized (token-inactive), NoIssuer."""
        try:
            document = await self.remote.post(self.url, {"token": token, "token_type_hint": "access_token"}, self.authorization)
        except RemoteFailed as error:
            _log.warning("introspection", extra={"url": self.url, "error": str(error)})
            raise silent("The issuer of the access token cannot be asked at the moment. Try again in a few seconds.") from error
        # An answer about a token that does not hold has status 200 as well (section 2.2).
        if document.content.get("active") is not True:
            raise refused("token-inactive", "The access token is not, or no longer, active. Get a new one.")
        return document.content


def check_answer(claims: Mapping[str, Any], issuer: str, wanted_audience: str, now: int) -> int:
    """Check what an answer says of issuer, audience and time; return until when it counts (microseconds): a moment, or ``exp``.

    ``wanted_audience`` "" leaves the audience to the issuer. Raises Unauthorized, with the codes of ``claims.check_claims``.
    """
    if text(claims, "iss") != issuer:
        raise refused("token-issuer", "The access token comes from another issuer than the one that was asked.")
    if wanted_audience and audience(claims) != wanted_audience:
        raise refused("token-audience", "The access token is meant for another server. Ask for one with this server as audience.")
    expires = instant(claims, "exp") + LEEWAY
    if now >= expires:
        raise refused("token-expired", "The access token has expired. Get a new one.")
    if any(instant(claims, name) > now + LEEWAY for name in ("iat", "nbf") if name in claims):
        raise refused("token-not-yet-valid", "The access token is not valid yet. Check the clock of its issuer.")
    return min(expires, now + KEPT)
