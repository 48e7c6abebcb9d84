"""From events to notices: who is subscribed to what has changed, and may know of it.

Nobody's criteria are looked at but those of the people whom a resource can concern: whom it refers to, and who is in its dossier.
These the store finds by an index, however many subscriptions there are. Then the criteria decide, then the gate.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_server.access.actor import Actor, Role
from fhir_server.catalog.announced import announced
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import TEAMS
from fhir_server.storage.subscriptions.store import Candidate, Event, SubscriptionStore
from fhir_server.subscriptions import subscriber
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.concerning import about, references, version
from fhir_server.subscriptions.criteria import Reading
from fhir_server.subscriptions.people import People

BATCH: Final = 100
LEASE: Final = 20_000_000
"""Microseconds within which a batch must be matched; whoever is killed leaves its events to others after that."""
_ROLES: Final[Mapping[str, Role]] = {"RelatedPerson": "related-person"}


class Matcher:
    """Turns the events of a store into notices, one batch after another; one process at a time does."""

    def __init__(self, store: SubscriptionStore, access: Access, reading: Reading) -> None:
        """Decide with ``access`` who may know of what."""
        self._store = store
        self._access = access
        self._reading = reading
        self._people = People(access)

    async def once(self, holder: str) -> int:
        """Match one batch of events as ``holder``; return how many that were."""
        clock = self._access.clock
        events = await self._store.take_events(holder, clock(), clock() + LEASE, BATCH)
        if not events:
            return 0
        for event in events:  # before anything is matched: nobody counts as less than they are by these
            await self._look_again(event)
        found = await self.subscriptions([each for each in events if not each.told], clock())
        matched = [(event, json.loads(event.told) if event.told else found.get(event.number, ())) for event in events]
        return len(events) if await self._store.put_notices(holder, clock(), matched) else 0

    async def subscriptions(self, events: Iterable[Event], now: int) -> Mapping[int, Sequence[str]]:
        """Return by number of the event who has to hear of it."""
        every = await about(self._access, self._reading.base, events)
        reached = await self._store.candidates([each.concerned for each in every], now) if every else ()
        wanted = [(each.event, self._wanted(each.resource, some)) for each, some in zip(every, reached, strict=True)]
        seen = await self._seen(wanted)
        return {
            event.number: [each.id for each in some if f"{event.type}/{event.id}" in seen[each.subscriber]]
            for event, some in wanted
        }

    def _wanted(self, resource: Mapping[str, Any], candidates: Iterable[Candidate]) -> Sequence[Candidate]:
        """Return those of ``candidates`` whose criteria ``resource`` meets."""
        known: dict[str, bool] = {}
        for each in candidates:
            if each.criteria not in known:
                criteria = self._reading(each.criteria)
                known[each.criteria] = criteria is not None and criteria.matches(resource, self._reading.base)
        return [each for each in candidates if known[each.criteria]]

    async def _seen(self, wanted: Iterable[tuple[Event, Iterable[Candidate]]]) -> Mapping[str, frozenset[str]]:
        """Return by subscriber which of the resources that are ``wanted`` that person may read."""
        asked: dict[str, set[str]] = {}
        for event, candidates in wanted:
            for each in candidates:
                asked.setdefault(each.subscriber, set()).add(event.reference)
        return {who: await self._access.seen(await self._people.who(who), some) for who, some in asked.items()}

    async def _look_again(self, event: Event) -> None:
        """Find out anew who the subscribers are whom a change of a person, an organisation or a team is about."""
        if event.type == "Organization":
            self._people.forget_all()
        elif event.type == TEAMS:
            await self._look_at_team(event)
        elif event.type in announced().people:
            await self._look_at_person(event)

    async def _look_at_team(self, event: Event) -> None:
        members: list[str] = []
        for number in (event.version - 1, event.version):  # who leaves, and who joins
            stored = await version(self._access, event._replace(version=number))
            members += references(read(stored.body, OWN).resource, self._reading.base) if stored else []
        if any(each.startswith(f"{TEAMS}/") for each in members):
            self._people.forget_all()  # whoever is in a team that is in it
        else:
            self._people.forget(members)

    async def _look_at_person(self, event: Event) -> None:
        """Keep also by which references they are found from now on."""
        own = f"{event.type}/{event.id}"
        role = _ROLES.get(event.type, "practitioner")
        found = await self._access.who(subscriber.written(Actor(own, role, ())))
        same = found.people if found else (own,)
        self._people.forget((own, *same))
        for each in await self._store.subscribers(tuple(dict.fromkeys((own, *same)))):
            actor = await self._access.who(each.subscriber)
            if actor is not None:
                await self._store.put_audience(each.id, subscriber.audience(actor))
