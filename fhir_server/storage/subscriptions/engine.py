"""The store of subscriptions over whatever carries out its scripts."""

import json
from collections.abc import Sequence

from fhir_server.search.rows import key
from fhir_server.storage.repository import TEAMS
from fhir_server.storage.scripted import Scripted
from fhir_server.storage.subscriptions import scripts, statements
from fhir_server.storage.subscriptions.store import (
    Attendance,
    Bound,
    Candidate,
    Claim,
    Concerned,
    Event,
    Notice,
    Standing,
    Status,
    Subscribed,
)


class ScriptedSubscriptions:
    """A SubscriptionStore over the scripts of an engine; what finds nothing to do writes nothing."""

    def __init__(self, scripts: Scripted, attendance: Attendance | None = None) -> None:
        """Carry everything out by ``scripts``; without ``attendance`` there is one process alone."""
        self._scripts = scripts
        self._attendance = attendance

    async def take_events(self, holder: str, now: int, until: int, most: int) -> Sequence[Event]:
        """Return the oldest events."""
        if not await self._scripts.rows(statements.ANY_EVENT, ()):
            return ()
        return await self._scripts.do(scripts.take_events(holder, now, until, most))

    async def candidates(self, asked: Sequence[Concerned], now: int) -> Sequence[Sequence[Candidate]]:
        """Return who may have to hear of resources."""
        found: list[list[Candidate]] = [[] for _ in asked]
        seeds, teams = scripts.seeds(asked)
        for place, *candidate in await self._scripts.rows(statements.REACHED, (seeds, teams, key(TEAMS), now)):
            found[place].append(Candidate(*candidate))
        return found

    async def put_notices(self, holder: str, now: int, matched: Sequence[tuple[Event, Sequence[str]]]) -> bool:
        """Make notices of events."""
        return await self._scripts.do(scripts.put_notices(holder, now, matched))

    async def subscribers(self, references: Sequence[str]) -> Sequence[Candidate]:
        """Return the subscriptions of people."""
        return [Candidate(*row) for row in await self._scripts.rows(statements.SUBSCRIBERS, (scripts.keys(references),))]

    async def put_audience(self, id_: str, audience: Sequence[str]) -> None:
        """Keep by which references somebody is known."""
        await self._scripts.do(scripts.audience(id_, audience))

    async def claim(self, holder: str, now: int, until: int, busy: Sequence[str], most: int) -> Sequence[Claim]:
        """Lease subscriptions."""
        if not await self._scripts.rows(statements.ANY_DUE, (now,)):
            return ()
        return await self._scripts.do(scripts.claim(holder, now, until, busy, most))

    async def pending(self, id_: str, after: int, most: int) -> Sequence[Notice]:
        """Return notices in their order."""
        return [Notice(*row) for row in await self._scripts.rows(statements.PENDING, (id_, after, most))]

    async def delivered(self, id_: str, holder: str, number: int, until: int) -> bool:
        """Keep that something is delivered."""
        return await self._scripts.do(scripts.delivered(id_, holder, number, until))

    async def activated(self, id_: str, holder: str, until: int) -> bool:
        """Keep that an endpoint answered."""
        return await self._scripts.do(scripts.activated(id_, holder, until))

    async def take(self, id_: str, holder: str, until: int) -> Claim | None:
        """Lease one subscription."""
        return await self._scripts.do(scripts.take(id_, holder, until))

    async def bound(self, ids: Sequence[str]) -> Sequence[Bound]:
        """Return who has which subscription."""
        return [Bound(*row) for row in await self._scripts.rows(statements.BOUND, (json.dumps([[id_] for id_ in ids]),))]

    async def failed(self, id_: str, holder: str, error: str, status: Status, now: int, due: int) -> None:
        """Keep that something failed."""
        await self._scripts.do(scripts.failed(id_, holder, error, status, now, due))

    async def release(self, id_: str, holder: str, now: int) -> None:
        """Give a lease back."""
        await self._scripts.do(scripts.release(id_, holder, now))

    async def untold(self, most: int) -> Sequence[Subscribed]:
        """Return what its resource does not say yet."""
        return [Subscribed(*row) for row in await self._scripts.rows(statements.UNTOLD, (most,))]

    async def told(self, id_: str, turn: int) -> None:
        """Keep what the resource says."""
        await self._scripts.do(scripts.told(id_, turn))

    async def find(self, id_: str) -> Subscribed | None:
        """Return one subscription."""
        found = await self._scripts.rows(statements.FIND, (id_,))
        return Subscribed(*found[0]) if found else None

    async def several(self, ids: Sequence[str]) -> Sequence[Subscribed]:
        """Return several subscriptions."""
        many = json.dumps([[id_] for id_ in ids])
        return [Subscribed(*row) for row in await self._scripts.rows(statements.SEVERAL, (many,))]

    async def all(self) -> Sequence[Subscribed]:
        """Return every subscription."""
        return [Subscribed(*row) for row in await self._scripts.rows(statements.ALL, ())]

    async def dead(self) -> Sequence[Notice]:
        """Return what could not be delivered."""
        return [Notice(*row) for row in await self._scripts.rows(statements.DEAD, ())]

    async def redrive(self, ids: Sequence[str], now: int) -> Sequence[str]:
        """Try dead notices again."""
        return await self._scripts.do(scripts.redrive(ids, now))

    async def tidy(self, now: int, before: int) -> None:
        """Switch off what is over, forget what is old."""
        await self._scripts.do(scripts.tidy(now, before))

    async def standing(self) -> Standing:
        """Return how the outbox is doing."""
        (row,) = await self._scripts.rows(statements.STANDING, ())
        return Standing(*row)

    async def attend(self, holder: str) -> None:
        """Be there, and end the leases of who is not any more."""
        for absent in await self._attendance.absent(holder) if self._attendance else ():
            await self.forget_holder(absent)

    async def forget_holder(self, holder: str = "") -> None:
        """End leases."""
        await self._scripts.do(scripts.forget_holder(holder))
