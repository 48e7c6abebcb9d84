"""One page, in the order of an index, of what somebody reaches through dossiers: through ten of them, or those of a whole region.

Two ways lead there. *Gather* takes the newest of what lies in the dossiers and decides on one after the other until the page is
full: it takes the longer the more dossiers there are. *Walk* goes along the index and decides on each row whether it lies in one of
them: it takes the longer the less is there. Each goes as far as is cheap (``compile.MOST_LOOKED``, ``MOST_WALKED``); a last row
without a resource tells that this was not far enough. *All* gathers without a limit. Where one comes to its end, its answer is
exact, whichever it is.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from fhir_server.storage.compile import (
    COLUMNS,
    FEW,
    LIMIT,
    LOOKED,
    TEXTS,
    TOLD,
    TYPE,
    UNKNOWN,
    WALKED,
    Search,
    has_several,
    merged,
    page_bounds,
    rows,
    seen,
)
from fhir_server.storage.conditions import condition
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.driver import choose, is_exact, is_ordered, is_reached, limited, places, rank, sources, within
from fhir_server.storage.shape import Shape
from fhir_server.storage.writer import Statement, Writer

SPARE = 2  # times what a page needs is put in order at first
Plan = Literal["gather", "walk", "all"]
UNSORTED, OVER = range(2)
"""In the sort value of a last row without a resource: candidates are left that were not put in order; there are too many places."""


class _Source(NamedTuple):
    """Where candidates (``sort`` and ``row``, in order) come from; ``tables`` are named before.

    ``cut``: there are more of them; ``over``: there are more than it is worth to put in order.
    """

    text: str
    tables: tuple[str, ...] = ()
    cut: str = ""
    over: str = "1 = 1"


@lru_cache(maxsize=TEXTS)
def is_far(search: Search) -> bool:
    """Tell whether ``page`` is the way to find a page of ``search``."""
    return search.order is None and is_reached(search.shape)


@lru_cache(maxsize=TEXTS)
def page(dialect: Dialect, search: Search, plan: Plan) -> Statement:
    """Return the statement for one page: the columns of ``compile.page``, and the last row that tells that it is not complete."""
    writer = Writer(dialect)
    source = _walked(writer, search) if plan == "walk" else _gathered(writer, search, bounded=plan == "gather")
    tables, told = list(source.tables), ""
    where = f"{f'NOT {source.over} AND ' if plan == 'gather' else ''}{_conditions(writer, search, plan)}"
    found = f"FROM {source.text} {dialect.visit} WHERE {where} {_kept(writer, search)}"
    if search.told and search.counted:
        tables.append(f"m AS MATERIALIZED (SELECT d.sort, d.row {found} LIMIT {writer.at(TOLD)})")
        found = f"FROM (SELECT m.sort, m.row FROM m {_order(search, 'm')} LIMIT {writer.at(LIMIT)}) d {dialect.visit} WHERE 1 = 1"
        found += f" {_kept(writer, search)}"
    if search.told:
        told = f", {_number(writer, search, source)}, {dialect.snapshot}"
    sql = f"SELECT {COLUMNS}, d.sort{told} {found} LIMIT {writer.at(LIMIT)}"
    if source.cut:
        nothing = f"NULL, NULL, NULL, NULL, NULL, NULL, CASE WHEN {source.over} THEN {OVER} ELSE {UNSORTED} END"
        nothing += ", NULL, NULL" if told else ""
        sql = f"SELECT * FROM ({sql}) f UNION ALL SELECT {nothing} WHERE {source.cut} LIMIT {writer.at(LIMIT)}"
    return writer.statement(f"WITH {', '.join(tables)} {sql}" if tables else sql)


def _conditions(writer: Writer, search: Search, plan: Plan) -> str:
    """Return what is decided on each candidate, in the order in which they come."""
    best, parts = _parts(search)
    if plan != "walk" and is_exact(best):
        parts = tuple(part for part in parts if part is not best)
    elif plan == "walk":
        driver = _driver(search)
        parts = tuple(part for part in parts if part is not driver)
    at = "d" if search.by == "main" else "r"  # what sorts by time has the main date in the resource only
    there = [f"r.deleted = {writer.dialect.false}"] if plan == "walk" and search.by != "main" else []
    snapshot = [seen(writer, search.since, "r")] if search.since else []
    return " AND ".join([*there, *(condition(writer, part, at) for part in parts), *snapshot]) or "1 = 1"


def _parts(search: Search) -> tuple[Shape, tuple[Shape, ...]]:
    best, _ = choose(search.shape)
    assert best is not None, "is_far"
    return best, search.shape[1:] if search.shape[0] == "and" else (search.shape,)


def _driver(search: Search) -> Shape | None:
    """Return the part whose keys the index holds in order, None where it is to be walked along as a whole."""
    best, parts = _parts(search)
    ordered = [part for part in parts if part is not best and search.by == "main" and is_ordered(part)]
    return min(ordered, key=rank, default=None)


def _walked(writer: Writer, search: Search) -> _Source:
    driver, end = _driver(search), f"LIMIT {writer.at(WALKED)}"
    if driver is not None and has_several(driver):
        source = merged(writer, search, driver, end)
    elif search.by == "main":
        where = " AND ".join(rows(writer, search, "p", driver))
        source = f"(SELECT p.sort, p.row FROM idx p WHERE {where} {_order(search, 'p')} {end}) d"
    else:
        where = " AND ".join([f"p.type = {writer.at(TYPE)}", *page_bounds(writer, search, "p.updated", "p.row")])
        order = f"ORDER BY p.updated {search.direction}, p.row {search.direction}"
        source = f"(SELECT p.updated AS sort, p.row FROM resource p WHERE {where} {order} {end}) d"
    return _Source(source, cut=f"(SELECT count(*) FROM {source}) >= {writer.at(WALKED)}")


def _gathered(writer: Writer, search: Search, *, bounded: bool) -> _Source:
    """Return the first of what lies where ``places`` are, in order: ``bounded`` a few more than a page takes."""
    found = places(_parts(search)[0])
    selects = [_placed(writer, search, place, bounded=bounded) for place in found]
    several = len(selects) > 1
    if not bounded:
        body = " UNION ALL ".join(selects)
        columns = f"{'DISTINCT ' if several else ''}c.sort, c.row"
        source = f"(SELECT {columns} FROM c {_order(search, 'c')} {writer.dialect.fence}) d"
        return _Source(source, (f"c AS MATERIALIZED ({body})",))
    most = f"{SPARE} * {writer.at(TOLD if search.told and search.counted else LIMIT)}"
    order = f"ORDER BY sort {search.direction}, row {search.direction} LIMIT {most}"
    source = f"({selects[0]} {order}) d"
    if several:
        firsts = " UNION ALL ".join(f"SELECT * FROM ({each} {order}) u{number}" for number, each in enumerate(selects))
        source = f"(SELECT DISTINCT c.sort, c.row FROM ({firsts}) c {order}) d"
    some = " UNION ALL ".join(f"SELECT * FROM ({each} LIMIT {most}) u{number}" for number, each in enumerate(selects))
    over = _over(writer, found)
    return _Source(source, (), f"({over} OR (SELECT count(*) FROM ({some}) c) >= {most})", over)


def _over(writer: Writer, found: Sequence[Shape]) -> str:
    """Return the condition that there are more memberships than are looked in."""
    looked = [f"{select}{limited(writer, LOOKED)}" for place in found for select in sources(writer, place)]
    return f"({' OR '.join(f'(SELECT count(*) FROM ({each}) l) >= {writer.at(LOOKED)}' for each in looked) or '1 = 0'})"


def _placed(writer: Writer, search: Search, place: Shape, *, bounded: bool) -> str:
    sort, row = "r.sort" if search.by == "main" else "(r.updated + 0)", "r.row"  # found by the place, never along the time
    where = [within(writer, place, TYPE, LOOKED if bounded else None), f"r.deleted = {writer.dialect.false}"]
    where += page_bounds(writer, search, sort, row)
    return f"SELECT {sort} AS sort, {row} FROM resource r WHERE {' AND '.join(where)}"


def _number(writer: Writer, search: Search, source: _Source) -> str:
    """Return how many match, FEW + 1 for many, UNKNOWN where not all candidates were looked at."""
    if not search.counted:
        return str(UNKNOWN)
    number = "(SELECT count(*) FROM m)"
    many = f"WHEN {number} >= {writer.at(TOLD)} THEN {FEW + 1}"
    return f"(SELECT CASE {many} {f'WHEN {source.cut} THEN {UNKNOWN}' if source.cut else ''} ELSE {number} END)"


def _order(search: Search, at: str) -> str:
    return f"ORDER BY {at}.sort {search.direction}, {at}.row {search.direction}"


def _kept(writer: Writer, search: Search) -> str:
    """Return the order of what was in order before the resources were visited, for the engine that wants to be told."""
    return "" if writer.dialect.keeps_order else _order(search, "d")
