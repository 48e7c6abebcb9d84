"""What the authorization server does in one transaction, as scripts (``storage/scripted``).

What may be done once is one UPDATE with its condition, so that the engine lets one of several win. A row that appears while its
family or subject is being revoked is dead all the same: whoever uses it looks for the revocation, too.
"""

from fhir_server.storage.authorization import rows
from fhir_server.storage.authorization.store import (
    LONGEST_FAMILY,
    SECOND,
    AuthorizationCode,
    ConsentGiven,
    LoginSession,
    RefreshToken,
    Reused,
    Rotation,
)
from fhir_server.storage.scripted import Script

_KEPT = 86_400 * SECOND  # a used code, so that its second use is noticed


def put_code(code: AuthorizationCode) -> Script[None]:
    """Keep a code."""
    granted = code.granted
    yield (
        _PUT_CODE,
        (
            *(code.hash, code.family, granted.client, granted.subject, rows.session_of(granted), granted.authenticated),
            *(code.redirect_uri, code.challenge, code.expires, rows.written(granted)),
        ),
    )


def take_code(hash_: str, client: str, now: int) -> Script[AuthorizationCode | Reused | None]:
    """Take a code, or revoke its family when it was taken before."""
    found = yield _TAKE_CODE, (now, hash_, client)
    if found:
        return rows.code(found[0])
    found = yield _TAKEN, (hash_, client)
    if not found:
        return None
    again = rows.code(found[0])
    yield from revoke_family(again.family, now)
    return Reused(again.granted)


def spoil_code(hash_: str, now: int) -> Script[None]:
    """Mark a code as taken, whoever's it is."""
    yield "UPDATE oauth_code SET used = $1 WHERE hash = $2 AND used = 0", (now, hash_)


def put_refresh(token: RefreshToken) -> Script[None]:
    """Keep a refresh token."""
    granted = token.granted
    yield (
        _PUT_REFRESH,
        (
            *(token.hash, token.family, granted.client, granted.subject, rows.session_of(granted), granted.authenticated),
            *(token.expires, token.ends, token.bound, rows.written(granted)),
        ),
    )


def rotate_refresh(hash_: str, following: RefreshToken, now: int) -> Script[Rotation]:
    """Replace a refresh token, or revoke its family when it was used before."""
    found = yield _USE_REFRESH, (now, hash_)
    if found:
        yield from put_refresh(following)
        return "rotated"
    found = yield "SELECT family FROM oauth_refresh WHERE hash = $1 AND used > 0", (hash_,)
    if not found:
        return "gone"
    yield from revoke_family(found[0][0], now)
    return "reused"


def put_session(session: LoginSession) -> Script[None]:
    """Keep a log-in."""
    yield (
        f"INSERT INTO oauth_session ({rows.SESSION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        (
            *(session.hash, session.id, session.subject, session.role, session.authenticated),
            *(session.idle, session.ends, session.csrf, session.organisation),
        ),
    )


def touch_session(hash_: str, idle: int) -> Script[None]:
    """Let a log-in last until ``idle``."""
    yield "UPDATE oauth_session SET idle = $1 WHERE hash = $2", (idle, hash_)


def end_session(hash_: str, now: int) -> Script[LoginSession | None]:
    """End a log-in and the families that came from it."""
    found = yield f"DELETE FROM oauth_session WHERE hash = $1 RETURNING {rows.SESSION}", (hash_,)
    if not found:
        return None
    session = rows.session(found[0])
    families = yield _FAMILIES, (session.id,)
    for (family,) in families:
        yield from revoke_family(family, now)
    return session


def remember_consent(consent: ConsentGiven) -> Script[None]:
    """Keep what a person agreed to."""
    yield _REMEMBER, (consent.subject, consent.client, consent.scope, consent.given, consent.patient)


def forget_consent(subject: str, client: str) -> Script[None]:
    """Forget what a person agreed to."""
    yield "DELETE FROM oauth_consent WHERE subject = $1 AND client = $2", (subject, client)


def first_use(value: str, until: int, now: int) -> Script[bool]:
    """Remember ``value``, unless it is remembered already."""
    found = yield _FIRST_USE, (value, until, now)
    return bool(found)


def revoke(kind: str, value: str, since: int, until: int) -> Script[None]:
    """Keep a revocation; of two for the same thing the later one counts."""
    yield _REVOKE, (kind, value, since, until)


def revoke_family(family: str, now: int) -> Script[None]:
    """Revoke every token of a family."""
    yield from revoke("family", family, now, now + LONGEST_FAMILY)


def revoke_client(subject: str, client: str, now: int) -> Script[None]:
    """Revoke every family of tokens that ``client`` got for ``subject``."""
    families = yield _FAMILIES_OF, (subject, client)
    for (family,) in families:
        yield from revoke_family(family, now)


def revoke_subject(subject: str, since: int) -> Script[None]:
    """Revoke all that a subject got up to ``since``."""
    yield from revoke("subject", subject, since, since + LONGEST_FAMILY)
    yield "DELETE FROM oauth_session WHERE subject = $1 AND authenticated <= $2", (subject, since)


def prune(now: int) -> Script[None]:
    """Forget what is over."""
    yield "DELETE FROM oauth_code WHERE expires < $1", (now - _KEPT,)
    yield "DELETE FROM oauth_refresh WHERE ends < $1 OR (used = 0 AND expires < $1)", (now,)
    yield "DELETE FROM oauth_session WHERE idle < $1 OR ends < $1", (now,)
    yield "DELETE FROM oauth_used WHERE expires < $1", (now,)
    yield "DELETE FROM oauth_revocation WHERE until < $1", (now,)


def _unrevoked(table: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM oauth_revocation v WHERE"
        f" (v.kind = 'family' AND v.value = {table}.family)"
        f" OR (v.kind = 'subject' AND v.value = {table}.subject AND v.since >= {table}.authenticated))"
    )


_PUT_CODE = (
    "INSERT INTO oauth_code"
    " (hash, family, client, subject, session, authenticated, redirect_uri, challenge, expires, used, granted)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)"
)
_TAKE_CODE = (
    "UPDATE oauth_code SET used = $1 WHERE hash = $2 AND client = $3 AND used = 0 AND expires > $1"
    f" AND {_unrevoked('oauth_code')} RETURNING {rows.CODE}"
)
_TAKEN = f"SELECT {rows.CODE} FROM oauth_code WHERE hash = $1 AND client = $2 AND used > 0"
_PUT_REFRESH = (
    "INSERT INTO oauth_refresh (hash, family, client, subject, session, authenticated, expires, ends, used, bound, granted)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)"
)
_USE_REFRESH = (
    "UPDATE oauth_refresh SET used = $1 WHERE hash = $2 AND used = 0 AND expires > $1 AND ends > $1"
    f" AND {_unrevoked('oauth_refresh')} RETURNING family"
)
FIND_REFRESH = f"SELECT {rows.REFRESH} FROM oauth_refresh WHERE hash = $1"
FIND_SESSION = (
    f"SELECT {rows.SESSION} FROM oauth_session s WHERE hash = $1 AND idle > $2 AND ends > $2 AND NOT EXISTS"
    " (SELECT 1 FROM oauth_revocation v WHERE v.kind = 'subject' AND v.value = s.subject AND v.since >= s.authenticated)"
)
_FAMILIES = "SELECT family FROM oauth_code WHERE session = $1 UNION SELECT family FROM oauth_refresh WHERE session = $1"
_FAMILIES_OF = (
    "SELECT family FROM oauth_code WHERE subject = $1 AND client = $2"
    " UNION SELECT family FROM oauth_refresh WHERE subject = $1 AND client = $2"
)
_REMEMBER = (
    f"INSERT INTO oauth_consent ({rows.CONSENT}) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (subject, client, patient) DO UPDATE SET scope = excluded.scope, given = excluded.given"
)
CONSENTS = f"SELECT {rows.CONSENT} FROM oauth_consent WHERE subject = $1 ORDER BY client, patient"
_FIRST_USE = (
    "INSERT INTO oauth_used (value, expires) VALUES ($1, $2)"
    " ON CONFLICT (value) DO UPDATE SET expires = excluded.expires WHERE oauth_used.expires <= $3 RETURNING value"
)
_REVOKE = (
    "INSERT INTO oauth_revocation (kind, value, since, until) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, value) DO UPDATE SET"
    " since = CASE WHEN excluded.since > oauth_revocation.since THEN excluded.since ELSE oauth_revocation.since END,"
    " until = CASE WHEN excluded.until > oauth_revocation.until THEN excluded.until ELSE oauth_revocation.until END"
)
_GOOD = f"used = 0 AND expires > $1 AND ends > $1 AND {_unrevoked('oauth_refresh')}"
HOLDERS = (
    f"SELECT subject FROM oauth_refresh WHERE {_GOOD} UNION SELECT subject FROM oauth_code WHERE {_unrevoked('oauth_code')}"
    " UNION SELECT subject FROM oauth_session WHERE idle > $1 AND ends > $1"
)
AUTHORIZATIONS = (
    f"SELECT family, granted FROM oauth_refresh WHERE subject = $1 AND {_GOOD.replace('$1', '$2')}"
    f" UNION SELECT family, granted FROM oauth_code WHERE subject = $1 AND {_unrevoked('oauth_code')}"
)
IS_REVOKED = (
    "SELECT 1 FROM oauth_revocation WHERE (kind = 'family' AND value = $1) OR (kind = 'subject' AND value = $2 AND since >= $3)"
)
REVOCATIONS = "SELECT kind, value, since, until FROM oauth_revocation WHERE since >= $1"
