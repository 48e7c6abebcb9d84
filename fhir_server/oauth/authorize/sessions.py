"""Who is logged in: 15 minutes after the last page, or 8 hours after logging in, it is over."""

from collections.abc import Callable

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.cookies import Cookies
from fhir_server.oauth.authorize.people import Person
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import SECOND, AuthorizationStore, LoginSession, hashed

IDLE = 15 * 60 * SECOND
LONGEST = 8 * 3600 * SECOND
_OFTEN = 60 * SECOND  # a session is touched no more often than this


class Sessions:
    """Starts, finds and ends log-ins; only the hash of a cookie is stored."""

    def __init__(self, store: AuthorizationStore, cookies: Cookies, clock: Callable[[], int], new_id: Callable[[], str]) -> None:
        """Keep them in ``store``."""
        self._store = store
        self._cookies = cookies
        self._clock = clock
        self._new_id = new_id

    async def start(self, request: Request, response: Response, person: Person) -> LoginSession:
        """Log ``person`` in, under a fresh cookie; a log-in that this browser had is over."""
        await self.end(request, response)
        now, secret = self._clock(), fresh_secret()
        session = LoginSession(
            hash=hashed(secret),
            id=self._new_id(),
            subject=person.reference,
            role=person.role,
            authenticated=now,
            idle=now + IDLE,
            ends=now + LONGEST,
            csrf=fresh_secret(),
        )
        await self._store.put_session(session)
        self._cookies.put(response, "session", secret, LONGEST // SECOND)
        self._cookies.drop(response, "login")
        return session

    async def find(self, request: Request) -> LoginSession | None:
        """Return the log-in of this browser, None when there is none or it is over; being seen keeps it."""
        cookie = self._cookies.get(request, "session")
        if not cookie:
            return None
        now = self._clock()
        session = await self._store.find_session(hashed(cookie), now)
        if session is not None and session.idle < now + IDLE - _OFTEN:
            await self._store.touch_session(session.hash, min(now + IDLE, session.ends))
        return session

    async def end(self, request: Request, response: Response) -> LoginSession | None:
        """Log out, with all tokens that came from this log-in and do not outlive it; return what there was."""
        cookie = self._cookies.get(request, "session")
        self._cookies.drop(response, "session")
        return await self._store.end_session(hashed(cookie), self._clock()) if cookie else None
