"""By which decision an actor sees a dossier, kept for a moment: the record wants it for every read."""

from collections.abc import Iterable, Sequence
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.access.consent import Decision
from fhir_server.federation.consented import versions
from fhir_server.storage.repository import Change

_TYPES: Final = frozenset({"Consent", "CareTeam", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson"})
_FRESH: Final = 1_000_000  # microseconds: what another process writes counts from then on at the latest
_KEPT: Final = 4096
MEMBERSHIP: Final = "membership"
"""Stands in the record where the client made no choice, so that taking part in the network decides."""


class KeptBases:
    """The decision on an actor, a dossier ("Patient/id") and a data category; it is forgotten when it could be another one."""

    def __init__(self) -> None:
        """Begin without any."""
        self._known: dict[tuple[int, str, str], tuple[Actor, Decision | None, int, Sequence[str]]] = {}
        self.written = 0
        """Grows when something is written that a decision may come from."""

    def get(self, actor: Actor, patient: str, category: str, now: int) -> tuple[Decision | None] | None:
        """Return what is kept at the instant ``now``: the decision (None: there are no choices); None when nothing is."""
        # The actor is kept beside the decision: as long as it is, no other object has its identity.
        kept = self._known.get((id(actor), patient, category))
        return (kept[1],) if kept is not None and kept[0] is actor and now < kept[2] else None

    def words(self, actor: Actor, patient: str, category: str, now: int) -> Sequence[str]:
        """Return what a record says of a decision that is kept and permits every item alike; nothing otherwise."""
        kept = self._known.get((id(actor), patient, category))
        return kept[3] if kept is not None and kept[0] is actor and now < kept[2] else ()

    def keep(self, actor: Actor, patient: str, category: str, decision: Decision | None, now: int, written: int) -> None:
        """Keep a decision of the instant ``now``, unless something was written since ``written``, when it was looked up."""
        if written != self.written:
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        until = min(now + _FRESH, decision.until) if decision else now + _FRESH
        self._known[id(actor), patient, category] = actor, decision, until, _words(decision)

    def follow(self, changes: Iterable[Change]) -> None:
        """Forget everything when what was written may decide otherwise."""
        if any(change.type in _TYPES for change in changes):
            self.written += 1
            self._known.clear()


def told(decision: Decision) -> Sequence[str]:
    """Return what a record says of a ``decision`` that permits: its reason, and the Consents behind it, each with its version."""
    return (decision.reasons[0], *versions(decision.rules))


def _words(decision: Decision | None) -> Sequence[str]:
    if decision is None:
        return (MEMBERSHIP,)
    return told(decision) if decision.permit and not decision.residual else ()
