"""A search as SQL: one text per shape, made once and kept.

A page of what is reached through dossiers has forms of its own (``storage/reached``). Otherwise there are
four forms. *Ordered*: one key of the index, or a few side by side, read in the order of the answer, every other part a probe per
row; it stops when the page is full. *Updated*: the same along ``_lastUpdated``. *Set*: the candidates that a selective part finds,
filtered and sorted. *Sorted*: the same by other keys (``storage/order``).
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from fhir_server.search.tree import Query
from fhir_server.storage.conditions import condition, needs_resource
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.driver import choose, is_ordered, is_reached, keys_of, scope
from fhir_server.storage.order import Order, by, columns, order_of, sorted_rows
from fhir_server.storage.repository import Grant
from fhir_server.storage.shape import EVERYTHING, FIRST, LAST, Shape, Value, both, bounds, often, shape_of
from fhir_server.storage.writer import Statement, Writer

ALL, TYPE, UPPER_SORT, UPPER_ROW, LOWER_SORT, LOWER_ROW, LIMIT, TOLD, LOOKED, WALKED = range(10)
FEW = 200  # candidates that are looked at to give a number nobody asked for
LITTLE = 40  # as many where each takes a decision of its own
UNKNOWN, COUNTABLE = -1, -2  # in the place of a number: nobody looked; there is little to look at
MOST_LOOKED = (100, 500)  # memberships in which candidates are looked for; more of them where the index has the order of each
MOST_WALKED = 2000  # index rows that are walked over, which takes about two milliseconds
TEXTS = 4096  # texts kept of each kind
COLUMNS = "r.row, r.id, r.version, r.updated, r.body, r.dossier"


class Search(NamedTuple):
    """What a text is made from: the shape of "query and grant", the order, and whether the main date is bounded.

    ``order`` is that of the *sorted* form. ``told``: the snapshot is asked for, ``counted``: how many match, too. ``since``: the
    slot of the snapshot to keep to, its ``since`` and then its ``seen``; 0 when there is none. ``narrow``: the grant leaves
    something out, of which no number may tell.
    """

    shape: Shape
    by: str
    direction: str
    bounded: bool
    order: Order | None = None
    told: bool = False
    since: int = 0
    narrow: bool = False
    counted: bool = True

    @property
    def unordered(self) -> "Search":
        """The same resources in no order, at none of its cost, on no page."""
        ordered = self.order is not None or self.since
        return Search(self.shape, "main", self.direction, bounded=False) if ordered else self._replace(told=False)

    @property
    def unplaced(self) -> "Search":
        """The same resources and snapshot, whatever the order and the page."""
        return Search(self.shape, "main", self.direction, bounded=False, since=self.since)


def search_values(grant: Grant, query: Query) -> tuple[Search, list[Value]]:
    """Return the search and its values; the first slots hold key, type, bounds and limit. The values must not be changed."""
    snapshot = query.snapshot
    if query.after is not None or (snapshot is not None and snapshot.seen):
        return _search_values(grant, query)
    # Page and count of one request, and the same search again under a grant that still holds. The where and the sort are kept
    # beside what was made of them: as long as they are, no others have their identity.
    place = ("search", id(query.where), id(query.sort), query.count)
    kept = grant.made.get(place)
    if kept is None:
        kept = grant.made[place] = (query.where, query.sort, *_search_values(grant, replace(query, snapshot=None)))
    search: Search = kept[2]
    return (search if snapshot is None else search._replace(told=True, counted=query.counted)), kept[3]


def _search_values(grant: Grant, query: Query) -> tuple[Search, list[Value]]:
    upper, lower = _page(query)
    values: list[Value] = [often(query.type), query.type, *upper, *lower, query.count + 1]
    values += (max(query.count, LITTLE) + 1, MOST_LOOKED[query.sort.by == "main"], MOST_WALKED)
    order = order_of(query, values)
    asked, granted = shape_of(query.where, query.type, values), shape_of(grant.where, grant.type, values)
    bounded = upper != _NO_UPPER or lower != _NO_LOWER
    snapshot, since = query.snapshot, 0
    if snapshot is not None and snapshot.seen:
        since = len(values)
        values += (snapshot.since, snapshot.seen)
    told = snapshot is not None and not snapshot.seen
    direction, narrow = "DESC" if query.sort.descending else "ASC", granted != EVERYTHING
    return Search(both(asked, granted), query.sort.by, direction, bounded, order, told, since, narrow, query.counted), values


_NO_UPPER, _NO_LOWER = (LAST, FIRST), (FIRST - 1, LAST)


def _page(query: Query) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the places, sort and row, below and above which the page lies."""
    low, high = bounds(query.where) if query.sort.by == "main" else (FIRST, LAST)
    upper, lower = (high, FIRST), (low - 1, LAST)
    if query.after is None or not isinstance(query.after.sort, int):
        return upper, lower
    last = (query.after.sort, query.after.row)
    return (min(upper, last), lower) if query.sort.descending else (upper, max(lower, last))


@lru_cache(maxsize=TEXTS)
def page(dialect: Dialect, search: Search) -> Statement:
    """Return the statement for one page: COLUMNS, sort values and, on a first page, what ``_told`` says."""
    writer = Writer(dialect)
    form = _form(writer, search)
    limit = f"LIMIT {writer.at(LIMIT)}"
    told = _told(writer, search) if search.told else ""
    if search.order is not None:
        inner, places = sorted_rows(writer, search.order, form.where, limit), columns(search.order, "d")
        order = by(search.order, "d")
        return writer.statement(f"SELECT {COLUMNS}, {places}{told} FROM ({inner}) d {dialect.visit} {order}")
    if form.whole:
        found = f"SELECT {COLUMNS}, {form.sort}{told} FROM {form.source} {form.visit} WHERE {form.where}"
        return writer.statement(f"{found} {form.order(search.direction)} {limit}")
    inner = f"SELECT {form.sort} AS sort, r.row FROM resource r WHERE {form.where} {form.order(search.direction)} {limit}"
    order = f"ORDER BY d.sort {search.direction}, d.row {search.direction}"
    return writer.statement(f"SELECT {COLUMNS}, d.sort{told} FROM ({inner}) d {dialect.visit} {order}")


@lru_cache(maxsize=TEXTS)
def count(dialect: Dialect, search: Search) -> Statement:
    """Return the statement that counts every match."""
    writer = Writer(dialect)
    source, where = _matches(writer, search)
    return writer.statement(f"SELECT count(*) FROM {source} WHERE {where}")


@lru_cache(maxsize=TEXTS)
def many(dialect: Dialect, search: Search) -> Statement:
    """Return the statement that gives a row when a search would look at, or under a narrow grant find, more than that."""
    writer = Writer(dialect)
    return writer.statement(_many(writer, search))


def _many(writer: Writer, search: Search) -> str:
    best, _ = choose(search.shape)
    if search.narrow:
        source, where = _matches(writer, search)
    elif best is None or is_ordered(best):
        form = _form(writer, search.unordered._replace(by="main", shape=best or EVERYTHING))
        source, where = form.source, form.where
    else:
        source, where = "resource r", scope(writer, best, TYPE)
    return f"SELECT 1 FROM {source} WHERE {where} LIMIT 1 OFFSET {LITTLE if is_reached(search.shape) else FEW}"


def _told(writer: Writer, search: Search) -> str:
    """Return what a first page tells besides: how many match, as ``Reads.search`` reads it, and the snapshot."""
    best, rest = choose(search.shape)
    if not search.counted or search.order is not None or search.by != "main" or not (best is None or is_ordered(best)):
        number = str(UNKNOWN)
    elif search.narrow or not rest:
        source, where = _matches(writer, search)
        number = f"(SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT {FEW + 1}) m)"
    else:
        number = f"(SELECT CASE WHEN ({_many(writer, search)}) IS NULL THEN {COUNTABLE} ELSE {FEW + 1} END)"
    return f", {number}, {writer.dialect.snapshot}"


def _matches(writer: Writer, search: Search) -> tuple[str, str]:
    """Return the source and the condition of every match, in no order."""
    form = _form(writer, search.unordered)
    return f"{form.source} {form.visit if form.visits else ''}", form.where


class _Form(NamedTuple):
    """The pieces of a search; ``whole`` tells that bodies may be read on the way, ``visits`` that conditions need the resource."""

    sort: str
    row: str
    source: str
    where: str
    visit: str = ""
    visits: bool = False
    whole: bool = False
    sorted: bool = False

    def order(self, direction: str) -> str:
        return "" if self.sorted else f"ORDER BY {self.sort} {direction}, {self.row} {direction}"


def _form(writer: Writer, search: Search) -> _Form:
    best, rest = choose(search.shape)
    by_date = search.by == "main"
    if search.order is None and by_date and (best is None or is_ordered(best)):
        return _ordered(writer, search, best, rest)
    sort = "r.sort" if by_date else "r.updated"
    found = f"r.type = {writer.at(TYPE)}" if best is None else scope(writer, best, TYPE)
    within = [] if search.order is not None else page_bounds(writer, search, sort, "r.row")
    where = [found, f"r.deleted = {writer.dialect.false}", *within, *(condition(writer, part, "r") for part in rest)]
    where += _seen(writer, search)
    return _Form(sort, "r.row", "resource r", " AND ".join(where), whole=best is None)


def _seen(writer: Writer, search: Search) -> list[str]:
    return [seen(writer, search.since, "r")] if search.since else []


def seen(writer: Writer, since: int, at: str) -> str:
    """Return the condition that the version in ``at`` had been written in the snapshot whose slot is ``since``."""
    known = writer.dialect.seen(f"{at}.written", writer.at(since + 1))
    return f"({at}.updated < {writer.at(since)} OR {known})"


def _ordered(writer: Writer, search: Search, best: Shape | None, rest: tuple[Shape, ...]) -> _Form:
    several = best is not None and has_several(best)
    if best is not None and several:
        source, where = merged(writer, search, best), []
    else:
        source, where = "idx d", rows(writer, search, "d", best)
    where += [condition(writer, part, "d") for part in rest] + _seen(writer, search)
    return _Form(
        *("d.sort", "d.row", source, " AND ".join(where) or "1 = 1", writer.dialect.visit),
        visits=any(needs_resource(part) for part in rest),
        whole=True,
        sorted=several and writer.dialect.keeps_order,
    )


_TWINS = frozenset({"token", "identifier"})  # one code under two systems is two rows of one resource


def has_several(best: Shape) -> bool:
    """Tell whether the keys of ``best`` may find a resource more than once."""
    return best[0] == "or" or (best[0] == "equal" and best[1] in _TWINS)


def merged(writer: Writer, search: Search, best: Shape, end: str = "") -> str:
    """Return the source that reads the keys of ``best`` side by side, in order, each resource once, until ``end``."""
    end = end or writer.dialect.fence
    order = f"ORDER BY sort {search.direction}, row {search.direction} {end}"
    parts = [f"SELECT p.sort, p.row FROM idx p WHERE {' AND '.join(rows(writer, search, 'p', part))}" for part in keys_of(best)]
    if not writer.dialect.keeps_order:
        parts = [f"({part} ORDER BY sort {search.direction}, row {search.direction})" for part in parts]
        return f"(SELECT DISTINCT u.sort, u.row FROM ({' UNION ALL '.join(parts)}) u {order}) d"
    if len(parts) == 1:
        return f"(SELECT DISTINCT{parts[0].removeprefix('SELECT')} {order}) d"
    return f"({' UNION '.join(parts)} {order}) d"


def rows(writer: Writer, search: Search, at: str, part: Shape | None) -> list[str]:
    """Return the conditions on the index rows ``at`` that they are those of the page of ``part`` (None: of the type)."""
    found = [f"{at}.key = {writer.at(ALL if part is None else part[2])}"]
    if part is not None and part[0] == "exactly":
        found.append(f"{at}.high = {writer.at(part[3])}")
    return found + page_bounds(writer, search, f"{at}.sort", f"{at}.row")


def page_bounds(writer: Writer, search: Search, sort: str, row: str) -> list[str]:
    """Return the conditions that ``sort`` and ``row`` lie on the page or after it."""
    if not search.bounded:
        return []
    upper = f"({sort}, {row}) < ({writer.at(UPPER_SORT)}, {writer.at(UPPER_ROW)})"
    return [upper, f"({sort}, {row}) > ({writer.at(LOWER_SORT)}, {writer.at(LOWER_ROW)})"]
