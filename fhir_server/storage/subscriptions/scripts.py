"""What is done to events, subscriptions and deliveries in one transaction each (``storage/scripted``).

An event is a row from the commit that makes it until it has become notices. So nothing depends on the order in which numbers of
events become visible: what is committed late is found late, and not skipped. Two events in order (the second one's transaction
began after the first was committed, or waited for its lock) have numbers in order, and whoever sees the second sees the first.

How far a subscription has come are two numbers in its own row: ``last`` given out, ``done`` delivered. Whether something is to be
done is decided from that row alone, so that a row which another transaction changed meanwhile is judged as it is then.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from fhir_server.search.rows import key
from fhir_server.storage.repository import TEAMS
from fhir_server.storage.scripted import Script
from fhir_server.storage.subscriptions import statements as sql
from fhir_server.storage.subscriptions.store import EVERYBODY, NEVER, Claim, Concerned, Event, Status, Subscribing

MATCHING: Final = "matching"


def subscribe(made: Subscribing, now: int) -> Script[None]:
    """Keep what a write of a Subscription says."""
    if not made.status:
        yield from unsubscribe(made.id)
        return
    yield (
        sql.SUBSCRIBE,
        (
            *(made.id, made.subscriber, made.type, made.criteria, made.channel, made.endpoint, made.host, made.secret),
            *(made.status, made.ends, int(made.keeps), now if made.status == "requested" else NEVER, now),
            *(made.manner, made.heartbeat),
        ),
    )
    if made.audience:
        yield from audience(made.id, made.audience)
    else:
        yield sql.AUDIENCE_TYPE, (made.type, made.id)
    if made.status == "off":
        yield sql.NO_NOTICES, (made.id,)


def parting(reference: str, version: int, told: Sequence[str]) -> Script[None]:
    """Keep with the event of a deletion who hears of it."""
    type_, _, id_ = reference.partition("/")
    yield sql.PARTING, (json.dumps(list(told)), type_, id_, version)


def unsubscribe(id_: str) -> Script[None]:
    """Forget a subscription."""
    yield sql.NO_NOTICES, (id_,)
    yield sql.NO_AUDIENCE, (id_,)
    yield "DELETE FROM subscription WHERE id = $1", (id_,)


def audience(id_: str, references: Iterable[str]) -> Script[None]:
    """Keep by which references the resources of a subscriber are known."""
    yield sql.NO_AUDIENCE, (id_,)
    yield sql.AUDIENCE, (keys(references), id_)


def take_events(holder: str, now: int, until: int, most: int) -> Script[Sequence[Event]]:
    """Lease the events and return the oldest ones."""
    yield sql.LEASE_IS, (MATCHING,)
    if not (yield sql.LEASE, (holder, until, MATCHING, now)):
        return ()
    return [Event(*row) for row in (yield sql.EVENTS, (most,))]


def put_notices(holder: str, now: int, matched: Sequence[tuple[Event, Sequence[str]]]) -> Script[bool]:
    """Make notices of events, and give the lease back."""
    if not (yield sql.LEASE_ENDS, (MATCHING, holder, now)):
        return False
    events_of: dict[str, list[Event]] = {}
    for event, subscriptions in matched:
        for each in subscriptions:
            events_of.setdefault(each, []).append(event)
    if events_of:
        last = yield sql.ADVANCE, (json.dumps([[id_, len(events)] for id_, events in sorted(events_of.items())]), now)
        notices = [
            [id_, number, event.type, event.id, event.version, event.moment, int(bool(event.told))]
            for id_, highest in last
            for number, event in enumerate(events_of[id_], highest - len(events_of[id_]) + 1)
        ]
        yield sql.NOTICES, (json.dumps(notices),)
    yield sql.FORGET_EVENTS, (json.dumps([[event.number] for event, _ in matched]),)
    return True


def claim(holder: str, now: int, until: int, busy: Sequence[str], most: int) -> Script[Sequence[Claim]]:
    """Lease subscriptions."""
    return [Claim(*row) for row in (yield sql.CLAIM, (holder, until, now, json.dumps([[host] for host in busy]), most))]


def delivered(id_: str, holder: str, number: int, until: int) -> Script[bool]:
    """Advance a subscription."""
    found = yield sql.DELIVERED, (number, until, id_, holder)
    if not found:
        return False
    if not found[0][0]:
        yield sql.FORGET_NOTICES, (id_, number)
    return True


def activated(id_: str, holder: str, until: int) -> Script[bool]:
    """Make a requested subscription active."""
    return bool((yield sql.ACTIVATED, (until, id_, holder)))


def take(id_: str, holder: str, until: int) -> Script[Claim | None]:
    """Lease one subscription."""
    found = yield sql.TAKE, (holder, until, id_)
    return Claim(*found[0]) if found else None


def failed(id_: str, holder: str, error: str, status: Status, now: int, due: int) -> Script[None]:
    """Put a subscription off."""
    yield sql.FAILED, (error, status, now, due, id_, holder)


def release(id_: str, holder: str, now: int) -> Script[None]:
    """Give a subscription back."""
    yield sql.RELEASE, (now, NEVER, id_, holder)


def told(id_: str, turn: int) -> Script[None]:
    """Keep what a resource says."""
    yield "UPDATE subscription SET told = 1 WHERE id = $1 AND turn = $2", (id_, turn)


def redrive(ids: Sequence[str], now: int) -> Script[Sequence[str]]:
    """Try dead notices again."""
    many = json.dumps([[id_] for id_ in ids])
    return [row[0] for row in (yield sql.REDRIVE, (now, NEVER, many, int(not ids)))]


def tidy(now: int, before: int) -> Script[None]:
    """Switch off what is over, forget what is old."""
    yield sql.OVER, (NEVER, now)
    yield "DELETE FROM delivery WHERE moment < $1", (before,)


def forget_holder(holder: str) -> Script[None]:
    """End leases."""
    yield "UPDATE lease SET until = 0 WHERE until > 0 AND ($1 = '' OR holder = $1)", (holder,)
    yield sql.GIVEN_UP, (holder,)
    yield "DELETE FROM lease WHERE name = $1", (sql.AT_WORK + holder,)


def keys(references: Iterable[str]) -> str:
    """Return the keys of references as a parameter for EACH."""
    return json.dumps([[key(each)] for each in dict.fromkeys(references)])


def seeds(asked: Sequence[Concerned]) -> tuple[str, str]:
    """Return the parameters of REACHED: where it begins (place, type, key, 1 for a dossier), and the teams (place, type, key)."""
    found: list[tuple[int, str, int, int]] = []
    teams: list[tuple[int, str, int]] = []
    for place, each in enumerate(asked):
        found += [(place, each.type, of, 0) for of in {*map(key, each.references), key(EVERYBODY)}]
        found.append((place, each.type, each.dossier, 1))
        if each.type == TEAMS:
            teams.append((place, each.type, key(each.references[0])))
    return json.dumps(found), json.dumps(teams)
