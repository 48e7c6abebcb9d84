"""What ties the pages of one authorization request together: that somebody has seen its first page, in this browser, and when.

It stands, sealed, in the address of what follows, so that nothing is kept between the pages.
"""

from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.sealed import MINUTE

PARAMETER: Final = "ticket"
LASTS: Final = 15 * MINUTE
_KIND: Final = "medmij"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request whose first page was passed at ``landed`` (microseconds); ``text`` is its sealed form."""

    text: str
    landed: int


def with_ticket(desk: Desk, query: str, cookie: str, now: int) -> str:
    """Return ``query`` with a ticket for the browser that has ``cookie``."""
    values = {"asked": _digest(query), "landed": now, "browser": desk.csrf.token(cookie)}
    return f"{query}&{urlencode({PARAMETER: desk.sealed.seal(_KIND, values, now + LASTS)})}"


def ticket_of(desk: Desk, request: Request, query: str, now: int) -> Ticket | None:
    """Return the ticket in ``query`` when it is good for that request, in this browser, at the instant ``now``; else None."""
    text = dict(parse_qsl(query)).get(PARAMETER, "")
    values = desk.sealed.opened(_KIND, text, now)
    if values is None or not compare_digest(values["asked"], _digest(without_ticket(query))):
        return None
    if not desk.csrf.fits(values["browser"], desk.cookies.get(request, "medmij")):
        return None
    return Ticket(text, values["landed"])


def without_ticket(query: str) -> str:
    """Return ``query`` as the PGO sent it."""
    return "&".join(each for each in query.split("&") if not each.startswith(f"{PARAMETER}="))


def _digest(query: str) -> str:
    return sha256(query.encode()).hexdigest()
