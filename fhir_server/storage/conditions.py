"""Every shape as an SQL condition on one resource.

The condition is written against an alias that has ``sort`` and ``row``: the index row ``d`` that drives the search, or the resource
``r`` itself. What the index holds under the resource's main date is probed by its whole key, as a scalar subquery: an EXISTS would
let the planner of PostgreSQL choose another order of joining.
"""

from collections.abc import Callable

from fhir_server.search.position import BITS, ONE
from fhir_server.storage.consented import agreed, consented, unrefused
from fhir_server.storage.shape import Items, Shape
from fhir_server.storage.writer import Writer

_RESOURCE_ONLY = frozenset({"id", "updated", "dossier", "member", "mate", "in_circle", "circle_names", "consented", "unrefused"})


def condition(writer: Writer, shape: Shape, at: str) -> str:
    """Return the condition that ``shape`` puts on the resource whose ``sort`` and ``row`` are in alias ``at``."""
    return _CONDITIONS[shape[0]](writer, shape, at)


def needs_resource(shape: Shape) -> bool:
    """Tell whether the condition reads columns of ``resource`` (alias ``r``)."""
    return shape[0] in _RESOURCE_ONLY or (shape[0] in {"and", "or", "not"} and any(needs_resource(part) for part in shape[1:]))


def date_range(writer: Writer, shape: Shape) -> str:
    """Return the condition on index rows (alias ``p``) for a date, with the range of ``sort`` in which they lie."""
    slot = shape[3]
    within = f"p.sort >= {writer.at(slot + 3)} AND p.sort < {writer.at(slot + 4)}"
    return f"p.key = {writer.at(slot)} AND {within} AND {_times(writer, shape, 'p.sort')}"


def _times(writer: Writer, shape: Shape, starts: str) -> str:
    """Return how the value from ``starts`` to ``p.high`` compares (https://hl7.org/fhir/R4/search.html#prefix)."""
    _, prefix, _, slot = shape
    words = {_STARTS: starts, _ENDS: "p.high"}
    return "".join(words.get(word) or writer.at(slot + word) if isinstance(word, int) else word for word in _COMPARE[prefix])


_STARTS, _ENDS, _LOW, _HIGH = -1, -2, 1, 2
_COMPARE: dict[str, tuple[str | int, ...]] = {
    "eq": ("(", _STARTS, " >= ", _LOW, " AND ", _ENDS, " <= ", _HIGH, ")"),
    "ne": ("(", _STARTS, " < ", _LOW, " OR ", _ENDS, " > ", _HIGH, ")"),
    "gt": (_ENDS, " > ", _HIGH),
    "lt": (_STARTS, " < ", _LOW),
    "ge": ("(", _ENDS, " > ", _HIGH, " OR ", _STARTS, " >= ", _LOW, ")"),
    "le": ("(", _STARTS, " < ", _LOW, " OR ", _ENDS, " <= ", _HIGH, ")"),
    "sa": (_STARTS, " >= ", _HIGH),
    "eb": (_ENDS, " <= ", _LOW),
    "ap": ("(", _STARTS, " < ", _HIGH, " AND ", _ENDS, " > ", _LOW, ")"),
}


def near_rows(writer: Writer, shape: Shape) -> str:
    """Return the condition on index rows (alias ``p``) for a position, with the range of heights in which it lies."""
    slot = shape[1]
    within = f"p.sort >= {writer.at(slot + 1)} AND p.sort <= {writer.at(slot + 2)}"
    return f"p.key = {writer.at(slot)} AND {within} AND {_is_near(writer, shape, 'p.sort')}"


def _is_near(writer: Writer, shape: Shape, height: str) -> str:
    """Return how far the point is whose height is ``height`` and whose rest is in ``p.high`` (``search/position``)."""
    points = (f"(p.high >> {BITS}) - {ONE}", f"(p.high & {(1 << BITS) - 1}) - {ONE}", height)
    lines = [f"({point} - {writer.at(shape[1] + place)})" for place, point in enumerate(points, 3)]
    return f"{' + '.join(f'{line} * {line}' for line in lines)} <= {writer.at(shape[1] + 6)}"


def text_rows(writer: Writer, shape: Shape) -> str:
    """Return the condition on text rows (alias ``p``) that a text shape stands for."""
    _, kind, slot = shape
    found = f"p.key = {writer.at(slot)}"
    if kind == "contains":
        return f"{found} AND {writer.dialect.position}(p.start || p.rest, {writer.at(slot + 1)}) > 0"
    if kind == "starts":
        return f"{found} AND p.start >= {writer.at(slot + 1)} AND p.start < {writer.at(slot + 2)}"
    found = f"{found} AND p.start = {writer.at(slot + 1)}"
    if kind == "exact":
        return f"{found} AND p.mark = {writer.at(slot + 4)}"
    rest = writer.at(slot + 3)
    return f"{found} AND substr(p.rest, 1, length({rest})) = {rest}"


def dossiers_of(writer: Writer, people: Items, at_slot: int, left: Items | None) -> str:
    """Return the SELECT of the dossiers of which ``people`` are members, other than on behalf of ``left``."""
    return f"SELECT a.dossier FROM membership a WHERE {lasting(writer, people, at_slot, left)}"


def lasting(writer: Writer, people: Items, at_slot: int, left: Items | None) -> str:
    """Return the condition on memberships (alias ``a``) that they are those of ``people`` now, other than on behalf of ``left``."""
    at = writer.at(at_slot)
    found = f"a.member {writer.among(people)} AND a.starts <= {at} AND {at} < a.ends"
    return found if left is None else f"{found} AND NOT a.through {writer.among(left)}"


def mates_of(writer: Writer, people: Items, at_slot: int, left: Items | None) -> str:
    """Return the SELECT of the members of the dossiers of which ``people`` are members."""
    at = writer.at(at_slot)
    dossiers = writer.dialect.set_of(dossiers_of(writer, people, at_slot, left))
    return f"SELECT b.member FROM membership b WHERE b.dossier {dossiers} AND b.starts <= {at} AND {at} < b.ends"


def _probe(rows: str, at: str) -> str:
    return f"(SELECT 1 FROM idx p WHERE {rows} AND p.sort = {at}.sort AND p.row = {at}.row LIMIT 1) IS NOT NULL"


def _equal(writer: Writer, shape: Shape, at: str) -> str:
    return _probe(f"p.key = {writer.at(shape[2])}", at)


def _exactly(writer: Writer, shape: Shape, at: str) -> str:
    return _probe(f"p.key = {writer.at(shape[2])} AND p.high = {writer.at(shape[3])}", at)


def _among(writer: Writer, shape: Shape, at: str) -> str:
    return _probe(f"p.key {writer.among(shape[2])}", at)


def _within(writer: Writer, shape: Shape, at: str) -> str:
    return _probe(f"p.key {writer.among(shape[2])} AND p.high = {writer.at(shape[3])}", at)


def _date(writer: Writer, shape: Shape, at: str) -> str:
    """Probe the dates that start with the main date in ``idx``, the others in ``idx_date``."""
    key = f"p.key = {writer.at(shape[3])}"
    found = _probe(f"{key} AND {_times(writer, shape, 'p.sort')}", at)
    if shape[2]:
        return found
    rows = f"{key} AND p.row = {at}.row AND {_times(writer, shape, 'p.low')}"
    return f"({found} OR (SELECT 1 FROM idx_date p WHERE {rows} LIMIT 1) IS NOT NULL)"


def _near(writer: Writer, shape: Shape, at: str) -> str:
    """Probe as ``_date`` does."""
    key = f"p.key = {writer.at(shape[1])}"
    rows = f"{key} AND p.row = {at}.row AND {_is_near(writer, shape, 'p.low')}"
    found = _probe(f"{key} AND {_is_near(writer, shape, 'p.sort')}", at)
    return f"({found} OR (SELECT 1 FROM idx_date p WHERE {rows} LIMIT 1) IS NOT NULL)"


def _text(writer: Writer, shape: Shape, at: str) -> str:
    return f"({at}.row IN (SELECT p.row FROM idx_text p WHERE {text_rows(writer, shape)})) IS TRUE"  # a set, never a join


def _missing(writer: Writer, shape: Shape, at: str) -> str:
    return _probe(f"p.key = {writer.at(shape[1])} AND (p.high & {writer.at(shape[1] + 1)}) = 0", at)


def _not(writer: Writer, shape: Shape, at: str) -> str:
    return f"({condition(writer, shape[1], at)}) IS NOT TRUE"


def _id(writer: Writer, shape: Shape, _at: str) -> str:
    return f"r.self {writer.among(shape[1])}"


def _updated(writer: Writer, shape: Shape, _at: str) -> str:
    _, kind, slot = shape
    low, high = writer.at(slot), writer.at(slot + 1)
    if kind == "outside":
        return f"(r.updated < {low} OR r.updated >= {high})"
    return f"r.updated >= {low} AND r.updated < {high}"


def _dossier(writer: Writer, shape: Shape, _at: str) -> str:
    return f"r.dossier {writer.among(shape[1])}"


def _member(writer: Writer, shape: Shape, _at: str) -> str:
    return f"({dossiers_of(writer, *shape[1:])} AND a.dossier = r.dossier LIMIT 1) IS NOT NULL"


def _mate(writer: Writer, shape: Shape, _at: str) -> str:
    return f"({mates_of(writer, *shape[1:])} AND b.member = r.self LIMIT 1) IS NOT NULL"


def _in_circle(writer: Writer, shape: Shape, _at: str) -> str:
    """Probe the memberships of this dossier, and for each of them who stands in the circle."""
    _, own, networks, people, *membership = shape
    team = " OR c.member = (SELECT t.self FROM resource t WHERE t.row = a.row)" if networks else ""
    stands = f"SELECT 1 FROM circle c WHERE {_CIRCLE[own]} AND (c.member {writer.among(people)}{team}) LIMIT 1"
    return f"({dossiers_of(writer, *membership)} AND a.dossier = r.dossier AND ({stands}) IS NOT NULL LIMIT 1) IS NOT NULL"


def _circle_names(writer: Writer, shape: Shape, _at: str) -> str:
    own, others = shape[1], shape[3]
    made_by_others = " AND r.circle <> r.self" if others else ""
    return f"({circles_of(writer, shape)} AND {_CIRCLE[own]}{made_by_others} LIMIT 1) IS NOT NULL"


_CIRCLE = {own: f"c.circle = r.{column} AND c.dossier = r.dossier" for own, column in ((True, "self"), (False, "circle"))}


def circles_of(writer: Writer, shape: Shape) -> str:
    """Return the SELECT of the circles in which one of the names stands."""
    _, _, alone, _, names = shape
    return f"SELECT c.circle FROM circle c WHERE c.member {writer.among(names)}{' AND c.alone = 1' if alone else ''}"


def _join(word: str) -> Callable[[Writer, Shape, str], str]:
    def joined(writer: Writer, shape: Shape, at: str) -> str:
        return "(" + word.join(condition(writer, part, at) for part in shape[1:]) + ")"

    return joined


_CONDITIONS: dict[str, Callable[[Writer, Shape, str], str]] = {
    "everything": lambda _writer, _shape, _at: "1 = 1",
    "nothing": lambda _writer, _shape, _at: "1 = 0",
    "equal": _equal,
    "exactly": _exactly,
    "among": _among,
    "within": _within,
    "date": _date,
    "near": _near,
    "text": _text,
    "id": _id,
    "updated": _updated,
    "dossier": _dossier,
    "member": _member,
    "mate": _mate,
    "in_circle": _in_circle,
    "circle_names": _circle_names,
    "consented": consented,
    "unrefused": unrefused,
    "agreed": lambda writer, shape, _at: agreed(writer, shape),
    "missing": _missing,
    "not": _not,
    "and": _join(" AND "),
    "or": _join(" OR "),
}
