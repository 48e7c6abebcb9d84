"""One page of a search, stable whatever is written meanwhile: each resource keeps the place that it had on the first page.

What has not changed since is found by its place in the index. What has changed is found by its time, and put back where that
version lies which the first page could see; whether it matches, and who may see it, is decided on what it is now. What came into
being later is left out.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.errors import Gone
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.order import Place, compare, in_order, places
from fhir_server.search.paging import Position
from fhir_server.search.tree import Cursor, Query, Snapshot
from fhir_server.storage.repository import Grant, Moved, Stored, TooManyMoved

_MARGIN: Final = 300_000_000
"""Between the moment that a version bears and the end of its writing there is never so much, differing clocks included."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one page shows; ``end`` is where it ends, None on the last one, ``snapshot`` what its first page could see.

    ``many``: the number of matches is not cheap to know; None when that was not looked at. ``total`` is that number, None when it
    is not known.
    """

    resources: Sequence[Stored]
    end: Cursor | None
    snapshot: Snapshot
    many: bool | None = None
    total: int | None = None


async def read_page(call: Call, grant: Grant, query: Query, position: Position | None) -> Read:
    """Read the first page of ``query``, or the one after ``position``.

    Raises Gone when too much changed since the first page to put all of it back.
    """
    if position is None or position.snapshot is None:
        return await read_first(call, grant, query)
    return await read_within(call, grant, replace(query, after=position.cursor), position.snapshot)


async def read_first(call: Call, grant: Grant, query: Query) -> Read:
    """Read a page as everything is now."""
    snapshot = Snapshot(call.now - _MARGIN)
    page = await call.services.repository.search(grant, replace(query, snapshot=snapshot))
    end = _end(page.resources, more=page.more)
    return Read(page.resources, end, Snapshot(snapshot.since, page.seen), page.many, page.total)


async def read_within(call: Call, grant: Grant, query: Query, snapshot: Snapshot) -> Read:
    """Read the page after ``query.after`` (None: from the beginning) in the order of ``snapshot``; raises Gone."""
    query = replace(query, snapshot=snapshot)
    page = await call.services.repository.search(grant, query)
    moved = await _put_back(call, grant, query, {each.row for each in page.resources})
    found = _in_order(query, [*page.resources, *moved])
    shown = found[: query.count]
    return Read(shown, _end(shown, more=page.more or len(found) > query.count), snapshot)


def _end(resources: Sequence[Stored], *, more: bool) -> Cursor | None:
    return resources[-1].cursor if more else None


async def _put_back(call: Call, grant: Grant, query: Query, shown: set[int]) -> list[Stored]:
    """Return what changed and lies after the end of the last page, no more of it than a page takes."""
    found: list[Stored] = []
    try:
        async for some in call.services.repository.moved(grant, query):
            placed = (_placed(call, query, each) for each in some if each.stored.row not in shown)
            found = _in_order(query, [*found, *(each for each in placed if _comes_after(query, each))])[: query.count + 1]
            await asyncio.sleep(0)  # working out places takes long enough to let others have their turn
    except TooManyMoved:
        text = "Too much was changed since the first page; start the search again."
        raise Gone(text, detail="page-expired") from None
    return found


def _placed(call: Call, query: Query, moved: Moved) -> Stored:
    resource = read(moved.body, OWN).resource
    entry = call.services.catalog.types[query.type]
    sort, *then = places(resource, query.sort, entry, call.services.base, moved.updated)
    return moved.stored._replace(sort=sort, then=tuple(then))


def _comes_after(query: Query, stored: Stored) -> bool:
    after = query.after
    return after is None or compare(query.sort, _place(stored.cursor), _place(after)) > 0


def _in_order(query: Query, found: Sequence[Stored]) -> list[Stored]:
    key = in_order(query.sort)
    return sorted(found, key=lambda each: key(_place(each.cursor)))


def _place(cursor: Cursor) -> Place:
    return cursor.values, cursor.row
