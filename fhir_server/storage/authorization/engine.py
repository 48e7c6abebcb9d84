"""The store of the authorization server over whatever carries out its scripts."""

from collections.abc import Mapping, Sequence

from fhir_server.storage.authorization import rows, scripts
from fhir_server.storage.authorization.store import (
    AuthorizationCode,
    ConsentGiven,
    Granted,
    LoginSession,
    RefreshToken,
    Reused,
    Revocation,
    Rotation,
)
from fhir_server.storage.scripted import Scripted


class ScriptedStore:
    """An AuthorizationStore over the scripts of an engine."""

    def __init__(self, scripts: Scripted) -> None:
        """Carry everything out by ``scripts``."""
        self._scripts = scripts

    async def put_code(self, code: AuthorizationCode) -> None:
        """Keep a code."""
        await self._scripts.do(scripts.put_code(code))

    async def take_code(self, hash_: str, client: str, now: int) -> AuthorizationCode | Reused | None:
        """Return a code once."""
        return await self._scripts.do(scripts.take_code(hash_, client, now))

    async def spoil_code(self, hash_: str, now: int) -> None:
        """Mark a code as taken."""
        await self._scripts.do(scripts.spoil_code(hash_, now))

    async def put_refresh(self, token: RefreshToken) -> None:
        """Keep a refresh token."""
        await self._scripts.do(scripts.put_refresh(token))

    async def find_refresh(self, hash_: str) -> RefreshToken | None:
        """Return a refresh token."""
        found = await self._scripts.rows(scripts.FIND_REFRESH, (hash_,))
        return rows.refresh(found[0]) if found else None

    async def rotate_refresh(self, hash_: str, following: RefreshToken, now: int) -> Rotation:
        """Replace a refresh token."""
        return await self._scripts.do(scripts.rotate_refresh(hash_, following, now))

    async def put_session(self, session: LoginSession) -> None:
        """Keep a log-in."""
        await self._scripts.do(scripts.put_session(session))

    async def find_session(self, hash_: str, now: int) -> LoginSession | None:
        """Return a log-in that is not over."""
        found = await self._scripts.rows(scripts.FIND_SESSION, (hash_, now))
        return rows.session(found[0]) if found else None

    async def touch_session(self, hash_: str, idle: int) -> None:
        """Let a log-in last."""
        await self._scripts.do(scripts.touch_session(hash_, idle))

    async def end_session(self, hash_: str, now: int) -> LoginSession | None:
        """End a log-in."""
        return await self._scripts.do(scripts.end_session(hash_, now))

    async def remember_consent(self, consent: ConsentGiven) -> None:
        """Keep what a person agreed to."""
        await self._scripts.do(scripts.remember_consent(consent))

    async def consents(self, subject: str) -> Sequence[ConsentGiven]:
        """Return all that a person agreed to."""
        return [rows.consent(row) for row in await self._scripts.rows(scripts.CONSENTS, (subject,))]

    async def forget_consent(self, subject: str, client: str) -> None:
        """Forget what a person agreed to."""
        await self._scripts.do(scripts.forget_consent(subject, client))

    async def first_use(self, value: str, until: int, now: int) -> bool:
        """Tell whether ``value`` comes for the first time."""
        return await self._scripts.do(scripts.first_use(value, until, now))

    async def revoke_token(self, jti: str, now: int, until: int) -> None:
        """Revoke one access token."""
        await self._scripts.do(scripts.revoke("token", jti, now, until))

    async def revoke_family(self, family: str, now: int) -> None:
        """Revoke every token of a family."""
        await self._scripts.do(scripts.revoke_family(family, now))

    async def revoke_client(self, subject: str, client: str, now: int) -> None:
        """Revoke what a client got for a subject."""
        await self._scripts.do(scripts.revoke_client(subject, client, now))

    async def revoke_subject(self, subject: str, since: int) -> None:
        """Revoke all that a subject got."""
        await self._scripts.do(scripts.revoke_subject(subject, since))

    async def holders(self, now: int) -> Sequence[str]:
        """Return who has something that is good."""
        return sorted(subject for (subject,) in await self._scripts.rows(scripts.HOLDERS, (now,)))

    async def authorizations(self, subject: str, now: int) -> Mapping[str, Granted]:
        """Return what a subject gave to clients."""
        return dict(map(rows.authorization, await self._scripts.rows(scripts.AUTHORIZATIONS, (subject, now))))

    async def is_revoked(self, family: str, subject: str, authenticated: int) -> bool:
        """Tell whether a family is revoked."""
        return bool(await self._scripts.rows(scripts.IS_REVOKED, (family, subject, authenticated)))

    async def revocations(self, since: int) -> Sequence[Revocation]:
        """Return the revocations made since."""
        return [Revocation(*row) for row in await self._scripts.rows(scripts.REVOCATIONS, (since,))]

    async def prune(self, now: int) -> None:
        """Forget what is over."""
        await self._scripts.do(scripts.prune(now))
