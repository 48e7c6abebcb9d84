"""The few words in which the SQL of the two engines differs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How an engine writes a parameter, a list, the search in a string, and the visit of one resource per index row.

    ``kept`` visits what history holds of each resource, and in no other order.
    ``unused`` before a column keeps the planner from an index on it. ``keeps_order`` tells that a join reads a sorted subquery
    row by row and needs no second sort; the other engine's planner sees by itself that none is needed. ``fence`` ends a subquery
    that is to be carried out as it is. ``few`` stands before a subquery of few rows that is read several times: a table of its
    own costs SQLite more than finding them again. ``numbers`` tells that a value is among those that a text column holds,
    with commas between. ``snapshot`` tells what has been written, ``seen`` whether a ``written`` is among it.
    """

    name: str
    mark: str
    among: Callable[[str], str]
    set_of: Callable[[str], str]
    position: str
    visit: str
    kept: str
    false: str
    unused: str
    keeps_order: bool
    fence: str
    snapshot: str
    few: str
    numbers: Callable[[str], str]
    seen: Callable[[str, str], str]


def _json_list(parameter: str) -> str:
    return f"IN (SELECT value FROM json_each({parameter}))"


def _array(parameter: str) -> str:
    return f"= ANY({parameter}::bigint[])"


SQLITE = Dialect(
    name="sqlite",
    mark="?",
    among=_json_list,
    set_of=lambda select: f"IN ({select})",
    position="instr",
    visit="CROSS JOIN resource r ON r.row = d.row",
    kept="CROSS JOIN history d ON d.row = r.row",
    false="0",
    unused="+",
    keeps_order=True,
    fence="LIMIT -1",
    snapshot="(SELECT number FROM commits)",
    few="NOT MATERIALIZED",
    numbers=lambda column: f"IN (SELECT value FROM json_each('[' || {column} || ']'))",
    seen=lambda written, snapshot: f"{written} <= CAST({snapshot} AS INTEGER)",
)

POSTGRES = Dialect(
    name="postgres",
    mark="$",
    among=_array,
    set_of=lambda select: f"= ANY(ARRAY({select}))",
    position="strpos",
    visit="CROSS JOIN LATERAL (SELECT * FROM resource WHERE row = d.row OFFSET 0) r",
    kept="CROSS JOIN LATERAL (SELECT * FROM history WHERE row = r.row OFFSET 0) d",
    false="false",
    unused="",
    keeps_order=False,
    fence="OFFSET 0",
    snapshot="pg_current_snapshot()::text",
    few="MATERIALIZED",
    numbers=lambda column: f"= ANY(('{{' || {column} || '}}')::bigint[])",
    seen=lambda written, snapshot: f"pg_visible_in_snapshot({written}::text::xid8, {snapshot}::pg_snapshot)",
)
