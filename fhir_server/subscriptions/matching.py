"""From events to notices: who is subscribed to what has changed, and may know of it.

Nobody's criteria are looked at but those of the people whom a resource can concern: whom it refers to, and who is in its dossier.
These the store finds by an index, however many subscriptions there are. Then the criteria decide, then the gate.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_server.access.actor import Actor, Role
from fhir_server.catalog.announced import announced
from fhir_server.model import reference
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import TEAMS, Stored
from fhir_server.storage.subscriptions.store import Candidate, Event, SubscriptionStore
from fhir_server.subscriptions import subscriber
from fhir_server.subscriptions.access import Access
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
        matched = [(event, await self._subscriptions(event, clock())) for event in events]
        return len(events) if await self._store.put_notices(holder, clock(), matched) else 0

    async def _subscriptions(self, event: Event, now: int) -> Sequence[str]:
        stored = await self._version(event) if event.type in announced().types else None
        if stored is None:
            return ()
        resource = read(stored.body, OWN).resource
        named = references(resource, self._reading.base)
        referred = [f"{event.type}/{event.id}", *named, *await self._in_threads(named)]
        candidates = await self._store.candidates(event.type, referred, stored.dossier, now)
        return await self._for_whom(stored, resource, candidates)

    async def _in_threads(self, named: Iterable[str]) -> list[str]:
        """Return whom the threads refer to that are ``named``: what belongs to a thread is for those among whom the thread is."""
        threads = [each for each in named if each.startswith("CommunicationRequest/")]
        if not threads:
            return []
        grant = self._access.gate.locating("CommunicationRequest")
        found = await self._access.repository.fetch([grant], threads)
        return [each for thread in found for each in references(read(thread.body, OWN).resource, self._reading.base)]

    async def _version(self, event: Event) -> Stored | None:
        grant = self._access.gate.locating(event.type)
        stored = await self._access.repository.vread(grant, event.type, event.id, event.version)
        return None if stored is None or stored.deleted else stored

    async def _for_whom(self, stored: Stored, resource: Mapping[str, Any], candidates: Iterable[Candidate]) -> Sequence[str]:
        wanted: dict[str, bool] = {}
        seen: dict[str, bool] = {}
        for each in candidates:
            if each.criteria not in wanted:
                criteria = self._reading(each.criteria)
                wanted[each.criteria] = criteria is not None and criteria.matches(resource, self._reading.base)
            if wanted[each.criteria] and each.subscriber not in seen:
                seen[each.subscriber] = await self._access.sees(await self._people.who(each.subscriber), stored.type, stored.id)
        return [each.id for each in candidates if wanted[each.criteria] and seen[each.subscriber]]

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
        for version in (event.version - 1, event.version):  # who leaves, and who joins
            stored = await self._version(event._replace(version=version))
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


def references(value: object, base: str) -> list[str]:
    """Return every reference ("Type/id") in a resource to what is stored here."""
    found: dict[str, None] = {}
    left: list[object] = [value]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            left += each.values()
            literal = each.get("reference")
            to = reference.parse(literal, base) if isinstance(literal, str) else None
            if to is not None:
                found[f"{to.type}/{to.id}"] = None
        elif isinstance(each, list):
            left += each
    return list(found)
