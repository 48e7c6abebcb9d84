"""Grants for which the consents of one client were decided, kept as long as nothing else could have been decided."""

from collections.abc import Iterable
from typing import Final

from fhir_server.storage.repository import Change, Grant

_TYPES: Final = frozenset({"Consent", "CareTeam", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson"})
_KEPT: Final = 4096


class SettledGrants:
    """What became of a grant for a client; a grant lasts a second at most, and so does what became of it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._known: dict[tuple[int, str], tuple[Grant, Grant]] = {}
        self.written = 0
        """Grows when something is written that what is kept may come from."""

    def get(self, grant: Grant, patient: str) -> Grant | None:
        """Return what became of ``grant`` for ``patient`` ("Patient/id")."""
        # The grant is kept beside what it became: as long as it is, no other object has its identity.
        kept = self._known.get((id(grant), patient))
        return kept[1] if kept is not None and kept[0] is grant else None

    def keep(self, grant: Grant, patient: str, made: Grant, written: int) -> None:
        """Keep what ``grant`` became, unless something was written since ``written``, when it was looked up."""
        if written != self.written:
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[id(grant), patient] = grant, made

    def follow(self, changes: Iterable[Change]) -> None:
        """Forget everything when what was written may decide otherwise."""
        if any(change.type in _TYPES for change in changes):
            self.written += 1
            self._known.clear()
