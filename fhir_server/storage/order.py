"""The order of an answer by several keys, or by one that no index holds in order: every candidate gets its sort values.

The values are those of ``search/order``, never NULL: a missing date is an instant beyond all others, a text has a digit in front.
"""

from typing import NamedTuple

from fhir_server.search.order import MISSING, PRESENT
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.sort_texts import sort_key
from fhir_server.search.tree import Query, Sort
from fhir_server.storage.shape import Value, often
from fhir_server.storage.writer import Writer

_IN_ORDER = frozenset({"main", "_lastUpdated"})
_COLUMNS = {"main": "r.sort", "_lastUpdated": "r.updated", "_id": "r.id"}


class Key(NamedTuple):
    """One key: its kind and direction; ``slot`` holds the key of its rows, the next one where the last page ended."""

    by: str
    descending: bool
    slot: int


class Order(NamedTuple):
    """The keys, and the slot of the row where the last page ended, None on the first page."""

    keys: tuple[Key, ...]
    after: int | None


def order_of(query: Query, values: list[Value]) -> Order | None:
    """Return the order of ``query`` and append its values; None for what an index holds in order."""
    if not query.sort.then and query.sort.by in _IN_ORDER:
        return None
    after = query.after
    ends = after.values if after else (0,) * len(query.sort.keys)
    keys = tuple(_key(query.type, sort, end, values) for sort, end in zip(query.sort.keys, ends, strict=True))
    if after is None:
        return Order(keys, None)
    values.append(after.row)
    return Order(keys, len(values) - 1)


def _key(type_: str, sort: Sort, end: Value, values: list[Value]) -> Key:
    values += (often(type_, sort.param) if sort.by == "date" else sort_key(type_, sort.param), end)
    return Key(sort.by, sort.descending, len(values) - 2)


def columns(order: Order, at: str) -> str:
    """Return the names of the sort values in ``at``."""
    return ", ".join(f"{at}.s{number}" for number in range(len(order.keys)))


def sorted_rows(writer: Writer, order: Order, where: str, limit: str) -> str:
    """Return the SELECT of one page of the resources ``where``: their rows and sort values."""
    found = ", ".join(f"{_value(writer, key)} AS s{number}" for number, key in enumerate(order.keys))
    inner = f"SELECT r.row, {found} FROM resource r WHERE {where} {writer.dialect.fence}"  # values made once per candidate
    after = "" if order.after is None else f" WHERE {_beyond(writer, order, order.after)}"
    return f"SELECT c.row, {columns(order, 'c')} FROM ({inner}) c{after} {by(order, 'c')} {limit}"


def by(order: Order, at: str) -> str:
    """Return the ORDER BY of the sort values in ``at``."""
    names = [f"{at}.s{number} {_direction(key)}" for number, key in enumerate(order.keys)]
    return f"ORDER BY {', '.join(names)}, {at}.row {_direction(order.keys[-1])}"


def _direction(key: Key) -> str:
    return "DESC" if key.descending else "ASC"


def _beyond(writer: Writer, order: Order, row: int) -> str:
    """Return the condition that a candidate comes after the end of the last page."""
    condition = f"c.row {_sign(order.keys[-1])} {writer.at(row)}"
    for number, key in reversed([*enumerate(order.keys)]):
        value, end = f"c.s{number}", writer.at(key.slot + 1)
        condition = f"({value} {_sign(key)} {end} OR ({value} = {end} AND {condition}))"
    return condition


def _sign(key: Key) -> str:
    return "<" if key.descending else ">"


def _value(writer: Writer, key: Key) -> str:
    if key.by in _COLUMNS:
        return _COLUMNS[key.by]
    return _start(writer, key) if key.by == "date" else _text(writer, key)


def _start(writer: Writer, key: Key) -> str:
    """Return the start of a range of ``r``: the first, or descending the last; what has none is at the end."""
    at = writer.at(key.slot)
    best, none = ("max", EARLIEST) if key.descending else ("min", LATEST)
    found = (
        f"SELECT p.low AS start FROM idx_date p WHERE p.key = {at} AND p.row = r.row"
        f" UNION ALL SELECT p.sort FROM idx p WHERE p.key = {at} AND p.sort = r.sort AND p.row = r.row"
    )
    return f"coalesce((SELECT {best}(v.start) FROM ({found}) v), {none})"


def _text(writer: Writer, key: Key) -> str:
    """Return the first characters of a string of ``r``, or of a token's text, likewise."""
    best = "max" if key.descending else "min"
    found = f"SELECT '{PRESENT[key.descending]}' || {best}(p.start) FROM idx_order p"
    return f"coalesce(({found} WHERE p.row = r.row AND p.key = {writer.at(key.slot)}), '{MISSING[key.descending]}')"
