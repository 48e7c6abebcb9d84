"""The store of the authorization server: what it holds and what may be asked of it.

Secrets (codes, refresh tokens, cookies) come as hashes and are never kept otherwise. Instants are microseconds since 1970 in UTC.
Everything that is done is durable when the call returns, and of several calls at once that may not both succeed exactly one does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

SECOND = 1_000_000
LONGEST_FAMILY = 400 * 86_400 * SECOND
"""No family of refresh tokens and no log-in lasts longer: a revocation is kept so long."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What was given to a client: what its access tokens will say.

    ``subject`` is "Type/id", ``patient`` a bare id, ``scope`` the granted scopes separated by blanks. ``authenticated`` is when the
    person logged in, ``session`` the ``LoginSession.id`` of that log-in ("" for clients that act for themselves).
    """

    client: str
    subject: str
    role: str
    scope: str
    patient: str = ""
    purpose: str = ""
    organisation: str = ""
    reason: str = ""
    nonce: str = ""
    authenticated: int = 0
    session: str = ""

    def narrowed(self, scope: str) -> "Granted":
        """Return the same with another ``scope``."""
        return replace(self, scope=scope)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code that a client may exchange once (RFC 6749 section 4.1); ``challenge`` is that of S256 (RFC 7636).

    ``hash`` is ``oauth.store.hashed`` of the code; ``family`` a fresh id by which everything is revoked that comes from it.
    """

    hash: str
    family: str
    granted: Granted
    redirect_uri: str
    challenge: str
    expires: int


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a ``family``; ``expires`` moves on with each rotation, ``ends`` does not.

    ``used`` is when it was rotated, 0 for not yet.
    ``bound`` is the thumbprint of the key (``jkt``) that must come along with it, "" for none.
    """

    hash: str
    family: str
    granted: Granted
    expires: int
    ends: int
    used: int = 0
    bound: str = ""


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A person who is logged in; ``hash`` is that of the cookie, ``id`` may be told to others.

    It ends at ``idle`` unless it is touched, and at ``ends`` in any case. ``csrf`` must come back with each form.
    """

    hash: str
    id: str
    subject: str
    role: str
    authenticated: int
    idle: int
    ends: int
    csrf: str
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """``subject`` agreed at ``given`` that ``client`` gets ``scope`` (for ``patient``, a bare id, where one was chosen)."""

    subject: str
    client: str
    scope: str
    given: int
    patient: str = ""


class Reused(NamedTuple):
    """A code was used a second time: everything that came from it is revoked."""

    granted: Granted


class Revocation(NamedTuple):
    """Tokens that are no longer good: one ``token`` (its jti), a whole ``family``, or what a ``subject`` got up to ``since``."""

    kind: Literal["token", "family", "subject"]
    value: str
    since: int
    until: int


Rotation = Literal["rotated", "reused", "gone"]


class AuthorizationStore(Protocol):
    """Both engines implement this (``storage/authorization/sqlite``, ``postgres``)."""

    async def put_code(self, code: AuthorizationCode) -> None:
        """Keep a code."""
        ...

    async def take_code(self, hash_: str, client: str, now: int) -> AuthorizationCode | Reused | None:
        """Return the code of ``client`` that was never taken before, and mark it taken; None: unknown, expired or revoked.

        Taking it once more revokes its family.
        """
        ...

    async def spoil_code(self, hash_: str, now: int) -> None:
        """Mark a code as taken, whoever's it is: somebody has shown it who may not have it."""
        ...

    async def put_refresh(self, token: RefreshToken) -> None:
        """Keep the first refresh token of a family."""
        ...

    async def find_refresh(self, hash_: str) -> RefreshToken | None:
        """Return a refresh token, used or expired ones too."""
        ...

    async def rotate_refresh(self, hash_: str, following: RefreshToken, now: int) -> Rotation:
        """Replace a token by the ``following`` one. One that was used already revokes its family; gone: expired or revoked."""
        ...

    async def put_session(self, session: LoginSession) -> None:
        """Keep a log-in."""
        ...

    async def find_session(self, hash_: str, now: int) -> LoginSession | None:
        """Return a log-in that is not over."""
        ...

    async def touch_session(self, hash_: str, idle: int) -> None:
        """Let a log-in last until ``idle``."""
        ...

    async def end_session(self, hash_: str, now: int) -> LoginSession | None:
        """End a log-in, and all families of tokens that came from it without ``offline_access``; return it if there was one."""
        ...

    async def remember_consent(self, consent: ConsentGiven) -> None:
        """Keep what a person agreed to, instead of what they agreed to before for the same client and patient."""
        ...

    async def consents(self, subject: str) -> Sequence[ConsentGiven]:
        """Return all that a person agreed to."""
        ...

    async def forget_consent(self, subject: str, client: str) -> None:
        """Forget what a person agreed to for a client."""
        ...

    async def first_use(self, value: str, until: int, now: int) -> bool:
        """Tell whether ``value`` (the jti of an assertion or a proof) is new; it is remembered until ``until``."""
        ...

    async def revoke_token(self, jti: str, now: int, until: int) -> None:
        """Revoke one access token, which would have been good until ``until``."""
        ...

    async def revoke_family(self, family: str, now: int) -> None:
        """Revoke every token of a family."""
        ...

    async def revoke_client(self, subject: str, client: str, now: int) -> None:
        """Revoke every token that ``client`` got for ``subject``."""
        ...

    async def revoke_subject(self, subject: str, since: int) -> None:
        """Revoke all that ``subject`` got up to ``since``: log-ins, codes, refresh tokens and access tokens."""
        ...

    async def holders(self, now: int) -> Sequence[str]:
        """Return the subjects who are logged in or have a code, or a refresh token, that is good at ``now``, in their order."""
        ...

    async def authorizations(self, subject: str, now: int) -> Mapping[str, Granted]:
        """Return what ``subject`` gave to clients by codes of the last day and refresh tokens that are good, by its family."""
        ...

    async def is_revoked(self, family: str, subject: str, authenticated: int) -> bool:
        """Tell whether a family is revoked, or all that ``subject`` got by a log-in at ``authenticated``."""
        ...

    async def revocations(self, since: int) -> Sequence[Revocation]:
        """Return the revocations made at or after ``since``."""
        ...

    async def prune(self, now: int) -> None:
        """Forget what is over."""
        ...
