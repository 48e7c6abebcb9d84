"""Whether a subscriber may still know of a resource: the decision that a read by the same person would pass now."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fhir_server.access.actor import Actor
from fhir_server.access.gate import Gate
from fhir_server.errors import FhirError, Unauthorized
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.standing import addresses
from fhir_server.storage.repository import Grant, Repository, Stored
from fhir_server.subscriptions import subscriber

Standing = Callable[[Actor, int], Awaitable[Actor]]
"""Gives an actor as the store knows the person at an instant; raises Unauthorized for who has left."""
_KEPT: Final = 4096


class Known(NamedTuple):
    """A subscriber, as the store knows the person at this moment, and the resource that this person may know of."""

    actor: Actor
    stored: Stored


@dataclass(frozen=True, slots=True)
class Access:
    """Asks gate and store in the name of subscribers; ``standing`` finds out who they are now."""

    repository: Repository
    gate: Gate
    standing: Standing
    clock: Callable[[], int]
    _known: dict[str, Actor] = field(default_factory=dict)

    async def who(self, text: str) -> Actor | None:
        """Return the subscriber that ``text`` was kept for, with the standing of this moment; None for who has left."""
        try:
            return await self.standing(subscriber.read(text), self.clock())
        except Unauthorized:
            return None

    async def sees(self, actor: Actor | None, type_: str, id_: str) -> bool:
        """Tell whether ``actor`` may read a resource."""
        return await self._read(actor, type_, id_) is not None

    async def seen(self, actor: Actor | None, references: Collection[str]) -> frozenset[str]:
        """Return which of ``references`` ("Type/id") are of resources that ``actor`` may read."""
        if actor is None:
            return frozenset()
        grants = []
        for type_ in sorted({each.partition("/")[0] for each in references}):
            with suppress(FhirError):  # the scopes or the role do not cover the type
                grants.append(self.gate.grant(actor, "read", type_))
        return frozenset(f"{each.type}/{each.id}" for each in await self.repository.fetch(grants, list(references)))

    async def hears(self, text: str, type_: str, id_: str) -> Known | None:
        """Return what the subscriber kept as ``text`` may know of the deletion of a resource, None for nothing.

        Who is still here and may read resources of the type at all: that is what can be asked about a resource that is gone; who
        could see it was decided before.
        """
        actor = await self.who(text)
        if actor is None or self._grant(actor, type_) is None:
            return None
        grant = self.gate.locating(type_)
        stored = await self.repository.read(grant, type_, id_)
        return Known(actor, stored) if stored else None

    async def addresses(self, actor: Actor) -> Sequence[str]:
        """Return the identifiers ("system|value") by which ``actor``, whose standing is known, can be written to."""
        if actor.role != "patient":
            return actor.addresses
        grant = self.gate.locating("Patient")
        stored = await self.repository.read(grant, "Patient", actor.reference.partition("/")[2])
        return () if stored is None or stored.deleted else addresses([read(stored.body, OWN).resource])

    async def knows(self, text: str, type_: str, id_: str) -> Known | None:
        """Return what the subscriber kept as ``text`` may read of a resource, None for nothing.

        What was known of the person a moment ago is enough to say yes; before a no the store is asked again.
        """
        kept = self._known.get(text)
        if kept is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            kept = self._known[text] = subscriber.read(text)
        with suppress(Unauthorized):
            actor = await self.standing(kept, self.clock())
            if stored := await self._read(actor, type_, id_):
                return Known(actor, stored)
        now = await self.who(text)
        stored = await self._read(now, type_, id_)
        return Known(now, stored) if now and stored else None

    async def _read(self, actor: Actor | None, type_: str, id_: str) -> Stored | None:
        """Return the resource where ``actor`` may read it."""
        grant = self._grant(actor, type_) if actor else None
        if grant is None:
            return None
        stored = await self.repository.read(grant, type_, id_)
        return stored if stored is not None and stored.visible and not stored.deleted else None

    def _grant(self, actor: Actor, type_: str) -> Grant | None:
        try:
            return self.gate.grant(actor, "read", type_)
        except FhirError:  # the scopes or the role do not cover the type
            return None
