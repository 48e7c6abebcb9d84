"""One page out of what the own store holds and what the sources hold, in one order.

Both are read anew for each page: the store within the snapshot of the first page, the sources as they answer now. Each has its own
place where the page before left it, so that nothing that is there throughout is left out or comes twice.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from fhir_server.federation.merge import Merged
from fhir_server.federation.select import Hit
from fhir_server.interactions.call import Call
from fhir_server.interactions.read_page import Read, read_page, read_within
from fhir_server.search.order import compare, in_order
from fhir_server.search.paging import Position
from fhir_server.search.tree import Cursor, Query, SortValue
from fhir_server.storage.repository import Grant, Stored

_NONE: Final = -1
"""The row of a place in the own store before its first resource."""
Mark = tuple[SortValue, ...]
"""A place at the sources: the sort values of a resource, the name of its source, and its id."""


class Left(NamedTuple):
    """Where both were left: the ``cursor`` in the own store, and the place ``beside`` it (as in ``Position``)."""

    cursor: Cursor
    beside: tuple[SortValue, ...] | None


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows, in order; ``left`` is where it ends, None on the last one."""

    shown: Sequence[Stored | Merged]
    left: Left | None

    @property
    def own(self) -> list[Stored]:
        """What of it is stored here."""
        return [each for each in self.shown if isinstance(each, Stored)]

    @property
    def sources(self) -> tuple[Merged, ...]:
        """What of it came from the sources."""
        return tuple(each for each in self.shown if isinstance(each, Merged))


async def read_own(call: Call, grant: Grant, query: Query, position: Position | None) -> Read:
    """Read from the own store what a page may need of it. Raises Gone as ``read_page`` does."""
    if position is None or position.cursor.row != _NONE or position.snapshot is None:
        return await read_page(call, grant, query, position)
    return await read_within(call, grant, query, position.snapshot)


def page_of(query: Query, own: Read, hits: Sequence[Hit], position: Position | None, *, again: bool) -> Page:
    """Return the page after ``position`` out of the ``own`` resources and the ``hits`` of the sources: all that match, in order.

    In one place what is stored here comes first. ``again``: the sources are to be asked for the next page, whatever this one shows.
    """
    sort = query.sort

    last = position.beside if position and position.beside else ()
    start = bisect_left(hits, x=True, key=lambda each: _comes_after(query, _mark(each), last)) if last else 0
    left = [(_mark(each), each.merged) for each in hits[start : start + query.count]]
    found: list[tuple[Mark, Stored | Merged]] = [(each.cursor.values, each) for each in own.resources]
    found += [(one[: len(sort.keys)], each) for one, each in left]
    key = in_order(sort)
    found.sort(key=lambda one: key((one[0], 0)))
    page = Page([each for _, each in found[: query.count]], None)
    number = len(page.sources)
    done = start + number == len(hits)
    if own.end is None and done and len(page.own) == len(own.resources):
        return page
    cursor = page.own[-1].cursor if page.own else position.cursor if position else Cursor(0, _NONE)
    return replace(page, left=Left(cursor, None if done and not again else left[number - 1][0] if number else last))


def _mark(hit: Hit) -> Mark:
    return (*hit.places, hit.merged.source.name, hit.merged.id)


def _comes_after(query: Query, one: Mark, other: Mark) -> bool:
    keys = len(query.sort.keys)
    order = compare(query.sort, (one[:keys], 0), (other[:keys], 0))
    return order > 0 or (order == 0 and tuple(map(str, one[keys:])) > tuple(map(str, other[keys:])))
