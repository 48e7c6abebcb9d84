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
from fhir_server.network.careteam import memberships
from fhir_server.network.standing import addresses
from fhir_server.storage.repository import TEAMS, Grant, Repository, Stored
from fhir_server.storage.subscriptions.store import Notice
from fhir_server.subscriptions import subscriber

Standing = Callable[[Actor, int], Awaitable[Actor]]
"""Gives an actor as the store knows the person at an instant; raises Unauthorized for who has left."""
Permits = Callable[[Actor, Stored, Stored | None], Awaitable[bool]]
"""Tells whether the client's choices permit somebody to know of what is gone, whose last version (None: unknown) comes after it."""
_KEPT: Final = 4096


class Known(NamedTuple):
    """A subscriber, as the store knows the person at this moment, and the resource that this person may know of."""

    actor: Actor
    stored: Stored


@dataclass(frozen=True, slots=True)
class Access:
    """Asks gate and store in the name of subscribers; ``standing`` finds out who they are now, ``base`` is the FHIR base.

    The store finds no labels, authors and dates of what is deleted any more: by them ``permits`` decides.
    """

    repository: Repository
    gate: Gate
    standing: Standing
    clock: Callable[[], int]
    base: str
    permits: Permits
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

    async def hears(self, text: str, deletion: Notice) -> Known | None:
        """Return what the subscriber kept as ``text`` may know of the deletion of a resource, None for nothing.

        Who could see it was decided before it was made. Who has left its dossier or its circle since, or is no longer permitted
        to, hears nothing of it: a deletion leaves dossier and circle as they were, and its last version says what it was. The
        deletion of a network ends the memberships in it, so those who had one at this moment hear of that.
        """
        actor = await self.who(text)
        grant = self._grant(actor, deletion.type) if actor else None
        if actor is None or grant is None:
            return None
        stored = await self.repository.read(grant, deletion.type, deletion.id)
        if stored is None:
            return None
        last = await self._last(deletion)
        if not (stored.visible or self._was_in(actor, deletion, last)):
            return None
        return Known(actor, stored) if await self.permits(actor, stored, last) else None

    async def _last(self, deletion: Notice) -> Stored | None:
        grant = self.gate.locating(deletion.type)
        return await self.repository.vread(grant, deletion.type, deletion.id, deletion.version - 1)

    def _was_in(self, actor: Actor, deletion: Notice, last: Stored | None) -> bool:
        """Tell whether what was deleted is a team in which ``actor`` had a place, which would last until now."""
        if deletion.type != TEAMS or last is None or last.deleted:
            return False
        now, mine = self.clock(), {*actor.people, *actor.teams}
        places = memberships(read(last.body, OWN).resource, self.base)
        return any(each.member in mine and each.start <= now < each.end and each.through not in actor.left for each in places)

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
