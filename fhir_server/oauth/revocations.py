"""Which access tokens are no longer good, in memory: read from the store once a second, so that every process knows within two.

An access token's id is "FAMILY.ID": the family is everything that came from one authorization, and can be revoked as a whole.
"""

from collections.abc import Sequence
from typing import Protocol

from fhir_server.oauth.store import SECOND, Revocation
from fhir_server.oauth.token import LONGEST_LIFETIME

_BACK = (LONGEST_LIFETIME + 60) * SECOND
_OVERLAP = 10 * SECOND  # a revocation may become visible a little after the moment that it names
_ALL_AGAIN = 600 * SECOND


class Revoked(Protocol):
    """Where revocations are kept."""

    async def revocations(self, since: int) -> Sequence[Revocation]:
        """Return those made at or after ``since`` (microseconds)."""
        ...


def family_of(token_id: str) -> str:
    """Return the family of an access token's id."""
    return token_id.partition(".")[0]


class Revocations:
    """The revocations of the last day: an access token lives no longer."""

    def __init__(self, store: Revoked) -> None:
        """Begin without any; ``look`` reads them from ``store``."""
        self._store = store
        self._seen = 0
        self._whole = 0
        self._tokens: set[str] = set()
        self._families: set[str] = set()
        self._subjects: dict[str, int] = {}

    def revoked(self, token_id: str, subject: str, issued: int) -> bool:
        """Tell whether a token is revoked: by its id (jti), or since its holder ("Type/id") left after ``issued`` (seconds)."""
        if token_id in self._tokens or issued * SECOND <= self._subjects.get(subject, -1):
            return True
        return bool(self._families) and family_of(token_id) in self._families

    async def look(self, now: int) -> None:
        """Read what is new at the instant ``now`` (microseconds); now and then all, so that what is over is forgotten."""
        whole = now - self._whole >= _ALL_AGAIN
        found = await self._store.revocations(now - _BACK if whole else self._seen - _OVERLAP)
        if whole:
            self._whole = now
            self._tokens, self._families, self._subjects = set(), set(), {}
        for each in found:
            self._add(each)
        self._seen = now

    def _add(self, revocation: Revocation) -> None:
        match revocation.kind:
            case "token":
                self._tokens.add(revocation.value)
            case "family":
                self._families.add(revocation.value)
            case "subject":
                before = self._subjects.get(revocation.value, -1)
                self._subjects[revocation.value] = max(before, revocation.since)
