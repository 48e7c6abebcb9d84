"""Who sees citizen service numbers: whom the law lets use them, and people their own (Wabvpz, UAVG 46)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fhir_server.access.actor import Actor

Sight = Literal["all", "care", "own", "none"]
"""Every number in what is shown, every one if the actor works for a care provider, only the patient's own, or none."""


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
        """Return what ``actor`` sees; "care" when it depends on organisations that the actor does not tell of."""
        if actor.role in self.all:
            return "all"
        if actor.role in self.care:
            return self.of_kinds(actor.kinds) if actor.organisations else "care"
        return "own" if actor.role in self.own else "none"

    def of_kinds(self, kinds: Iterable[str]) -> Sight:
        """Return what they see who work for organisations of ``kinds`` ("system|code"): all, if one of these is a care provider."""
        return "all" if any(kind in self.kinds or kind.partition("|")[0] in self.kinds for kind in kinds) else "none"
