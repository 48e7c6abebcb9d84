"""Reading the record: which lines, as a tree like that of a search, and the statement that finds them, newest first.

The grant is carried out exactly. Of the question only what narrows it cheaply becomes a condition; whoever asks looks at the rest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fhir_server.search.lines import Lines
from fhir_server.search.tree import And, Date, Dossier, Everything, Id, LastUpdated, Node, Nothing, Or, ReferenceTo, Token
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.line_id import place_of
from fhir_server.storage.repository import AuditRow, Grant, Logged
from fhir_server.storage.shape import Value
from fhir_server.storage.writer import Statement, Writer

_COLUMNS: Final = ", ".join(f"a.{name}" for name in AuditRow._fields)
_MILLISECOND: Final = 1_000  # the precision with which a line is shown: what it is compared with may be off by so much
_STATUS: Final = {"0": "a.status < 400", "4": "a.status BETWEEN 400 AND 499", "8": "a.status >= 500"}
_FALSE, _TRUE = "1 = 0", ""
_TIMES: Final = frozenset({"eq", "gt", "ge", "lt", "le", "sa", "eb", "ap"})


class _Text:
    """The conditions while they are written, and their values."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.writer = Writer(dialect)
        self.values: list[Value] = []

    def bind(self, value: Value) -> str:
        self.values.append(value)
        return self.writer.at(len(self.values) - 1)


def lines(dialect: Dialect, grant: Grant, asked: Lines) -> tuple[Statement, list[Value]]:
    """Return the statement for ``asked`` within ``grant``, and its values."""
    text = _Text(dialect)
    parts = [*_parts(grant.where), *_parts(asked.where)]
    client = next((part.patients[0] for part in parts if isinstance(part, Dossier) and len(part.patients) == 1), None)
    if client is None:
        source, at = "audit_event a", "a"
        where = []
    else:
        # One client's lines lie together: the page is one range of touched.
        join = "CROSS JOIN" if dialect.keeps_order else "JOIN"
        source, at = f"touched t {join} audit_event a ON a.row = t.row", "t"
        where = [f"t.dossier = {text.bind(client)}"]
    where += [_granted(text, grant.where), _narrowed(text, asked.where)]
    if asked.after is not None:
        sign = "<" if asked.descending else ">"
        where.append(f"({at}.recorded, {at}.row) {sign} ({text.bind(asked.after.recorded)}, {text.bind(asked.after.row)})")
    way = "DESC" if asked.descending else "ASC"
    conditions = " AND ".join(each for each in where if each) or "1 = 1"
    order = f"ORDER BY {at}.recorded {way}, {at}.row {way} LIMIT {text.bind(asked.count)}"
    sql = f"SELECT a.row, a.chain, a.seq, {_COLUMNS} FROM {source} WHERE {conditions} {order}"
    return text.writer.statement(sql), text.values


def logged(found: Sequence[Any]) -> Logged:
    """Return the line that a row of ``lines`` holds."""
    row, chain, seq, *columns = found
    return Logged(row, chain, seq, AuditRow._make(columns))


def _parts(node: Node) -> Sequence[Node]:
    return node.parts if isinstance(node, And) else (node,)


def _granted(text: _Text, node: Node) -> str:
    """Return exactly the lines of ``node``; raises ValueError for what a grant of the record is not made of."""
    match node:
        case Everything():
            return _TRUE
        case Nothing():
            return _FALSE
        case And(parts):
            return _all(_granted(text, part) for part in parts)
        case Or(parts):
            return _any(_granted(text, part) for part in parts)
        case Dossier(clients):
            return _any(_touches(text, client) for client in clients)
        case ReferenceTo("agent", person):
            return f"a.actor = {text.bind(person)}"
    raise ValueError(f"{type(node).__name__} is nothing that the record is read by")


def _narrowed(text: _Text, node: Node) -> str:
    """Return a condition that holds wherever ``node`` does, and elsewhere too if need be."""
    match node:
        case Nothing():
            return _FALSE
        case And(parts):
            return _all(_narrowed(text, part) for part in parts)
        case Or(parts):
            return _any(_narrowed(text, part) for part in parts)
        case Dossier(clients):
            return _any(_touches(text, client) for client in clients)
        case ReferenceTo("agent" | "patient", target):
            return _reference(text, node.param, target)
        case Token("action", code):
            return f"a.action = {text.bind(code)}"
        case Token("outcome", code):
            return _STATUS.get(code, _FALSE)
        case Date("date", prefix, low, high) | LastUpdated(prefix, low, high) if prefix in _TIMES:
            return _time(text, prefix, low, high)
        case Id(values):
            return _any(_place(text, value) for value in values)
    return _TRUE


def _reference(text: _Text, param: str, target: str) -> str:
    if param == "patient":
        return _touches(text, target)
    if target.startswith("Organization/"):
        return f"a.organisation = {text.bind(target)}"
    return f"a.actor = {text.bind(target)}" if not target.startswith("Device/") else _TRUE


def _touches(text: _Text, client: str) -> str:
    return f"EXISTS (SELECT 1 FROM touched x WHERE x.dossier = {text.bind(client)} AND x.recorded = a.recorded AND x.row = a.row)"


def _time(text: _Text, prefix: str, low: int, high: int) -> str:
    from_ = f"a.recorded >= {text.bind(low - _MILLISECOND)}" if prefix not in {"lt", "le", "eb"} else _TRUE
    until = f"a.recorded < {text.bind(high + _MILLISECOND)}" if prefix not in {"gt", "ge", "sa"} else _TRUE
    return _all([from_, until])


def _place(text: _Text, id_: str) -> str:
    place = place_of(id_)
    if place is None:
        return _FALSE
    chain, seq = place
    if not chain:
        return f"(a.row = {text.bind(seq)} AND a.chain = '')"
    return f"(a.chain = {text.bind(chain)} AND a.seq = {text.bind(seq)})"


def _all(conditions: Iterable[str]) -> str:
    return " AND ".join(dict.fromkeys(each for each in conditions if each))


def _any(conditions: Iterable[str]) -> str:
    each = list(dict.fromkeys(conditions))
    return f"({' OR '.join(each)})" if each and all(each) else _TRUE if each else _FALSE
