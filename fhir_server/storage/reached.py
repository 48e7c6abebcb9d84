"""One page, in the order of an index, of what somebody reaches by being in dossiers: of ten of them, or of those of a whole region.

Two ways lead there. *Gather*: take what lies in the dossiers, sort it, and decide on one after the other until the page is full;
that takes as long as there is in them. *Walk*: go along the index and decide on each row whether it is in one of them; that takes
the longer the less is. Each is tried as far as it is cheap (``compile.MOST``), and a last row of nothing but NULL tells that
this was not far enough. *All* gathers without a limit. Where one of them ends by itself, its answer is the answer.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

from fhir_server.storage.compile import (
    COLUMNS,
    FEW,
    GATHERED,
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

Plan = Literal["gather", "walk", "all"]


class _Source(NamedTuple):
    """Where candidates (``sort`` and ``row``, in order) come from; ``tables`` are named before, ``cut``: there are more of them."""

    text: str
    tables: tuple[str, ...] = ()
    cut: str = ""


@lru_cache(maxsize=TEXTS)
def is_far(search: Search) -> bool:
    """Tell whether ``page`` is the way to find a page of ``search``."""
    return search.order is None and is_reached(search.shape)


@lru_cache(maxsize=TEXTS)
def page(dialect: Dialect, search: Search, plan: Plan) -> Statement:
    """Return the statement for one page, with the columns of ``compile.page``, and a row of NULL when it may not be complete."""
    writer = Writer(dialect)
    source = _walked(writer, search) if plan == "walk" else _gathered(writer, search, bounded=plan == "gather")
    tables, told = list(source.tables), ""
    found = f"FROM {source.text} {dialect.visit} WHERE {_conditions(writer, search, plan)} {_kept(writer, search)}"
    if search.told and search.counted:
        tables.append(f"m AS MATERIALIZED (SELECT d.sort, d.row {found} LIMIT {writer.at(TOLD)})")
        found = f"FROM (SELECT m.sort, m.row FROM m {_order(search, 'm')} LIMIT {writer.at(LIMIT)}) d {dialect.visit} WHERE 1 = 1"
        found += f" {_kept(writer, search)}"
    if search.told:
        told = f", {_number(writer, search, source if plan == 'walk' else None)}, {dialect.snapshot}"
    sql = f"SELECT {COLUMNS}, d.sort{told} {found} LIMIT {writer.at(LIMIT)}"
    if source.cut:
        nothing = ", ".join(["NULL"] * (9 if told else 7))
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
    """Return what lies where ``places`` are, in order; when there is more than ``bounded`` allows, nothing."""
    sort, found = "r.sort" if search.by == "main" else "r.updated", places(_parts(search)[0])
    looked, gathered = (LOOKED, GATHERED) if bounded else (None, None)
    selects = []
    for place in found:
        where = [within(writer, place, TYPE, looked), f"r.deleted = {writer.dialect.false}"]
        where += page_bounds(writer, search, sort, "r.row")
        selects.append(f"SELECT {sort} AS sort, r.row FROM resource r WHERE {' AND '.join(where)}{limited(writer, gathered)}")
    several = len(selects) > 1
    body = " UNION ALL ".join(f"SELECT * FROM ({each}) u{number}" for number, each in enumerate(selects)) if several else selects[0]
    tables, where = (f"c AS MATERIALIZED ({body})",), ""
    if bounded:
        counts = [f"(SELECT count(*) FROM c) >= {writer.at(GATHERED)}"]
        for select in [select for place in found for select in sources(writer, place)]:
            counts.append(f"(SELECT count(*) FROM ({select}{limited(writer, LOOKED)}) l) >= {writer.at(LOOKED)}")
        where = f"({' OR '.join(counts)})"
    columns = f"{'DISTINCT ' if several else ''}c.sort, c.row"
    source = f"(SELECT {columns} FROM c {where and f'WHERE NOT {where}'} {_order(search, 'c')} {writer.dialect.fence}) d"
    return _Source(source, tables, where)


def _number(writer: Writer, search: Search, walked: _Source | None) -> str:
    """Return how many match, FEW + 1 for many; a walk does not know when it ended too early."""
    if not search.counted:
        return str(UNKNOWN)
    number = "(SELECT count(*) FROM m)"
    many = f"WHEN {number} >= {writer.at(TOLD)} THEN {FEW + 1}"
    return f"(SELECT CASE {many} {f'WHEN {walked.cut} THEN {UNKNOWN}' if walked else ''} ELSE {number} END)"


def _order(search: Search, at: str) -> str:
    return f"ORDER BY {at}.sort {search.direction}, {at}.row {search.direction}"


def _kept(writer: Writer, search: Search) -> str:
    """Return the order of what was in order before the resources were visited, for the engine that wants to be told."""
    return "" if writer.dialect.keeps_order else _order(search, "d")
