"""One page out of what the own store holds and what the sources hold, in one order.

Both are read anew for each page: the store within the snapshot of the first page, the sources as they answer now. Each has its own
place where the page before left it, so that nothing that is there throughout is left out or comes twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from fhir_server.federation.merge import Merged
from fhir_server.interactions.call import Call
from fhir_server.interactions.read_page import Read, read_page, read_within
from fhir_server.search.order import compare, in_order, places
from fhir_server.search.paging import Position
from fhir_server.search.tree import Cursor, Query, SortValue
from fhir_server.storage.repository import Grant, Stored

_NONE: Final = -1
"""The row of a place in the own store before its first resource."""
Place = Callable[[Merged], tuple[SortValue, ...]]


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


def page_of(call: Call, query: Query, own: Read, hits: Sequence[Merged], position: Position | None, *, again: bool) -> Page:
    """Return the page after ``position`` out of the ``own`` resources and the ``hits`` of the sources, all that match.

    In one place what is stored here comes first. ``again``: the sources are to be asked for the next page, whatever this one shows.
    """
    sort = query.sort
    mark = position.beside if position and position.beside else ()

    def place(each: Merged) -> tuple[SortValue, ...]:
        return places(each.resource, sort, call.entry, call.services.base)

    left = [each for each in hits if not mark or _comes_after(query, _mark(each, place), mark)]
    key = in_order(sort)
    found: list[Stored | Merged] = [*own.resources, *left]
    found.sort(key=lambda each: key((each.cursor.values if isinstance(each, Stored) else place(each), 0)))
    page = Page(found[: query.count], None)
    if own.end is None and len(found) == len(page.shown):
        return page
    cursor = page.own[-1].cursor if page.own else position.cursor if position else Cursor(0, _NONE)
    done = len(page.sources) == len(left) and not again
    last = _mark(page.sources[-1], place) if page.sources else mark
    return replace(page, left=Left(cursor, None if done else last))


def _mark(merged: Merged, place: Place) -> tuple[SortValue, ...]:
    return (*place(merged), merged.source.name, merged.id)


def _comes_after(query: Query, one: tuple[SortValue, ...], other: tuple[SortValue, ...]) -> bool:
    keys = len(query.sort.keys)
    order = compare(query.sort, (one[:keys], 0), (other[:keys], 0))
    return order > 0 or (order == 0 and _named(one[keys:]) > _named(other[keys:]))


def _named(rest: Iterable[Any]) -> tuple[str, ...]:
    return tuple(map(str, rest))
