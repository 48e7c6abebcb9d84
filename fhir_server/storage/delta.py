"""What a change does to the index, the texts and the memberships: only what differs is deleted and inserted."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from fhir_server.search.rows import Indexed, IndexRow, OrderRow, TextRow, key
from fhir_server.storage import consent_rows
from fhir_server.storage.circle import CONVERSATION, EVERYBODY
from fhir_server.storage.consent_rows import RuleRow
from fhir_server.storage.repository import Change, Membership
from fhir_server.storage.texts import StoredText, stored

KEEP: Final = 0  # the key of no reference: a hash of 64 bits
NOBODY: Final = 0  # on whose behalf a member takes part who does so for nobody else
NETWORK: Final = 0  # in the place of a member of a circle: everybody in the dossier
_STANDING: Final = {EVERYBODY: NETWORK, CONVERSATION: 1}
_Row = TypeVar("_Row", IndexRow, StoredText, OrderRow)


_key: Final = lru_cache(maxsize=4096)(key)  # a dossier, a conversation and who is in it come again with each change of a commit


class Delta(NamedTuple):
    """The rows of one change; ``self`` is the key of its reference, ``dossier`` that of its dossier.

    It is None for what is in none, and for a deletion, which keeps it; KEEP for an update that keeps it.
    """

    self: int
    sort: int
    dossier: int | None
    gone: list[IndexRow]
    added: list[IndexRow]
    dates_gone: list[IndexRow]
    dates_added: list[IndexRow]
    texts_gone: list[StoredText]
    texts_added: list[StoredText]
    orders_gone: list[OrderRow]
    orders_added: list[OrderRow]
    members: list[tuple[int, int, int, int, int]]
    rules: list[RuleRow]
    circle: int | None
    circle_members: list[tuple[int, int, int, int]]


def delta(change: Change) -> Delta:
    """Return the rows of ``change``, in the order of the index; members are (member, dossier, starts, ends, through).

    Rules are as ``consent_rows.COLUMNS``, ``circle_members`` are (circle, member, alone, dossier).
    """
    now, before = change.indexed, change.previous
    gone, added = _differ(_rows(before), _rows(now))
    dates_gone, dates_added = _differ(_dates(before), _dates(now))
    texts_gone, texts_added = _differ(_texts(before), _texts(now))
    orders_gone, orders_added = _differ(before.orders if before else (), now.orders if now else ())
    dossier = _key(now.dossier) if now and now.dossier else KEEP if change.keeps_dossier else None
    return Delta(
        self=_key(change.reference),
        sort=now.sort if now else 0,
        dossier=dossier,
        gone=gone,
        added=added,
        dates_gone=dates_gone,
        dates_added=dates_added,
        texts_gone=texts_gone,
        texts_added=texts_added,
        orders_gone=orders_gone,
        orders_added=orders_added,
        members=_members(change),
        rules=consent_rows.rows(change.rules, change.updated, change.expected + 1) if change.rules else [],
        circle=_key(change.circle.of) if change.circle.of else None,
        circle_members=circle_members(change, dossier),
    )


def standing(member: str) -> int:
    """Return the key of who stands in a circle."""
    return _STANDING[member] if member in _STANDING else _key(member)


def circle_members(change: Change, dossier: int | None) -> list[tuple[int, int, int, int]]:
    """Return who stands in the circle that ``change`` makes in ``dossier``, None for no dossier: then nobody stands there."""
    own, given = _key(change.reference), change.circle
    found = {standing(each): int(each in given.alone) for each in given.members}
    return [(own, member, alone, dossier or KEEP) for member, alone in sorted(found.items())]


def _rows(indexed: Indexed | None) -> tuple[IndexRow, ...]:
    return (*indexed.rows, *indexed.tallies) if indexed else ()


def _dates(indexed: Indexed | None) -> list[IndexRow]:
    """Return the dates that cannot be probed by the main date: only dates and numbers start elsewhere."""
    return [row for row in indexed.rows if row.sort != indexed.sort] if indexed else []


def _texts(indexed: Indexed | None) -> list[StoredText]:
    return [stored(TextRow(*row)) for row in indexed.texts] if indexed else []


def _differ(before: Iterable[_Row], now: Iterable[_Row]) -> tuple[list[_Row], list[_Row]]:
    if before == now:
        return [], []
    old, new = set(before), set(now)
    return sorted(old - new), sorted(new - old)


def _members(change: Change) -> list[tuple[int, int, int, int, int]]:
    latest: dict[tuple[int, int, int, int], int] = {}
    for given in change.members if change.indexed is not None else ():
        place = _place(given)
        latest[place] = max(given.end, latest.get(place, given.end))
    return [(member, dossier, start, end, through) for (member, dossier, start, through), end in sorted(latest.items())]


def _place(given: Membership) -> tuple[int, int, int, int]:
    return key(given.member), key(given.dossier), given.start, key(given.through) if given.through else NOBODY
