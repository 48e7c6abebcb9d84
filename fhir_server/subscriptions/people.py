"""Who subscribers are, remembered from event to event: looking everybody up anew would be most of the work."""

from collections.abc import Collection
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.subscriptions import subscriber
from fhir_server.subscriptions.access import Access

_FRESH: Final = 60_000_000
"""Microseconds: a role or relation begins or ends by itself, which no event tells of."""
_KEPT: Final = 20_000


class People:
    """Subscribers with their standing; whoever sees the events says when somebody's may be another.

    Somebody who has left counts for a little longer: before a notification goes out, it is decided anew.
    """

    def __init__(self, access: Access) -> None:
        """Ask ``access``."""
        self._access = access
        self._known: dict[str, tuple[Actor | None, int]] = {}

    async def who(self, text: str) -> Actor | None:
        """Return the subscriber kept as ``text``, None for who has left."""
        now = self._access.clock()
        known = self._known.get(text)
        if known is not None and now < known[1]:
            return known[0]
        if len(self._known) >= _KEPT:
            self._known.clear()
        actor = await self._access.who(text)
        self._known[text] = actor, now + _FRESH
        return actor

    def forget(self, references: Collection[str]) -> None:
        """Look up anew whoever is one of ``references``."""
        gone = [text for text, (actor, _) in self._known.items() if not references_of(text, actor).isdisjoint(references)]
        for text in gone:
            del self._known[text]

    def forget_all(self) -> None:
        """Look up everybody anew."""
        self._known.clear()


def references_of(text: str, actor: Actor | None) -> set[str]:
    """Return by which references a subscriber is known."""
    return {*(actor.people if actor else subscriber.read(text).people)}
