"""Who sees citizen service numbers: whom the law lets use them, and people their own (Wabvpz, UAVG 46)."""

from dataclasses import dataclass
from typing import Literal

from fhir_server.access.actor import Actor

Sight = Literal["all", "own", "none"]
"""Every number in what is shown, only the patient's own, or none."""


@dataclass(frozen=True, slots=True)
class BsnRules:
    """Roles by what they see: ``all`` numbers, all if they work for a care provider (``care``), their ``own``; others see none.

    Care providers are organisations of the ``kinds``: a code ("system|code"), or all codes of a system.
    """

    all: frozenset[str] = frozenset()
    care: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def sight(self, actor: Actor) -> Sight:
        """Return what ``actor`` sees."""
        if actor.role in self.all or (actor.role in self.care and self._is_care(actor)):
            return "all"
        return "own" if actor.role in self.own else "none"

    def _is_care(self, actor: Actor) -> bool:
        return any(kind in self.kinds or kind.partition("|")[0] in self.kinds for kind in actor.kinds)
