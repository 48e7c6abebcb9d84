"""The order of an answer, in memory: the sort values of a resource, the same as storage has, and how two compare."""

from collections.abc import Callable, Iterable, Mapping
from functools import cmp_to_key
from typing import Any, Final

from fhir_server.catalog.catalog import Entry
from fhir_server.search import values
from fhir_server.search.extract import extract
from fhir_server.search.rows import EARLIEST, LATEST, Indexed, key
from fhir_server.search.sort_texts import sort_key
from fhir_server.search.tree import Sort, SortValue

PRESENT: Final = ("0", "1")
"""What stands before a text, ascending and descending, and ``MISSING`` instead of one: so that it comes after all others."""
MISSING: Final = ("1", "0")
Places = tuple[SortValue, ...]
Place = tuple[Places, int]


def order(resources: Iterable[Mapping[str, Any]], sort: Sort, entry: Entry) -> list[Mapping[str, Any]]:
    """Return ``resources`` in the order ``sort``; those that are equal keep their order, or turn it round when descending."""
    placed = [((places(resource, sort, entry), row), resource) for row, resource in enumerate(resources)]
    of_place = in_order(sort)
    return [resource for _, resource in sorted(placed, key=lambda one: of_place(one[0]))]


def in_order(sort: Sort) -> Callable[[Place], Any]:
    """Return the key that puts places, sort values and row, in the order ``sort``."""

    def compared(one: Place, other: Place) -> int:
        return compare(sort, one, other)

    return cmp_to_key(compared)


def sortable(sort: Sort) -> Callable[[Places], tuple[Any, ...]]:
    """Return what makes a key of places: those that come first in the order ``sort`` are the smaller ones."""
    turned = tuple(part.descending for part in sort.keys)

    def made(found: Places) -> tuple[Any, ...]:
        return tuple(_turned(value) if down else value for value, down in zip(found, turned, strict=True))

    return made


class _Turned(str):
    """A text that is smaller than those which come before it."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _turned(value: SortValue) -> SortValue:
    return -value if isinstance(value, int) else _Turned(value)


def compare(sort: Sort, one: Place, other: Place) -> int:
    """Return below 0 when the place ``one`` comes before ``other``, above 0 when it comes after, 0 when they are the same."""
    for part, value, another in zip(sort.keys, one[0], other[0], strict=True):
        if value != another:
            return _sign(value, another, descending=part.descending)
    return 0 if one[1] == other[1] else _sign(one[1], other[1], descending=sort.keys[-1].descending)


def _sign(one: SortValue, other: SortValue, *, descending: bool) -> int:
    above = one > other if isinstance(one, int) and isinstance(other, int) else str(one) > str(other)
    return 1 if above != descending else -1


def places(resource: Mapping[str, Any], sort: Sort, entry: Entry, base: str = "", updated: int | None = None) -> Places:
    """Return the values by which ``sort`` orders a ``resource`` of the type ``entry``.

    ``updated`` is the moment of the version where it is known better than ``meta.lastUpdated`` says.
    """
    return places_of(resource, sort, entry, extract(resource, entry, base), updated)


def places_of(resource: Mapping[str, Any], sort: Sort, entry: Entry, indexed: Indexed, updated: int | None = None) -> Places:
    """Return the same of a ``resource`` that was ``indexed`` already."""
    at = _updated(resource) if updated is None else updated
    return tuple(_place(resource, one, entry.name, indexed, at) for one in sort.keys)


def _place(resource: Mapping[str, Any], sort: Sort, type_: str, indexed: Indexed, updated: int) -> SortValue:
    match sort.by:
        case "main":
            undated = indexed.sort == EARLIEST and not resource.get("meta", {}).get("lastUpdated")  # from a source
            return LATEST if undated and not sort.descending else indexed.sort
        case "_lastUpdated":
            return updated
        case "_id":
            return str(resource.get("id", ""))
        case "date":
            found = [row.sort for row in indexed.rows if row.key == key(type_, sort.param)]
            return max(found, default=EARLIEST) if sort.descending else min(found, default=LATEST)
        case "string" | "token":
            of = sort_key(type_, sort.param)
            return _text(sort, [row.start for row in indexed.orders if row.key == of])


def _text(sort: Sort, found: list[str]) -> str:
    if not found:
        return MISSING[sort.descending]
    return PRESENT[sort.descending] + (max(found) if sort.descending else min(found))


def _updated(resource: Mapping[str, Any]) -> int:
    text = resource.get("meta", {}).get("lastUpdated")
    return values.instant(text) if text else EARLIEST
