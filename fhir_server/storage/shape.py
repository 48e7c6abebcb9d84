"""A search tree split in two: its shape, from which the SQL text is made once, and its values, which are always bound.

A shape is a nested tuple of constants and of *slots*, the numbers under which the text finds the values. Two trees of the same
shape share one text, so a repeated kind of search builds no text at all.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from fhir_server.catalog.definitions import has_no_systems
from fhir_server.search.authorship import unknown
from fhir_server.search.position import heights
from fhir_server.search.references import reference_key
from fhir_server.search.rows import US, key, system_key
from fhir_server.search.tree import (
    And,
    CircleNames,
    Coded,
    Consented,
    Date,
    Dossier,
    Everything,
    Id,
    InCircle,
    LastUpdated,
    MemberOf,
    Missing,
    Near,
    Node,
    Not,
    Nothing,
    Number,
    Or,
    ReferenceTo,
    TeamMate,
    Text,
    Token,
    TokenIn,
    Unrefused,
    Uri,
)
from fhir_server.storage.consent_rows import item, mask
from fhir_server.storage.consent_rule import HUB, LABELS, UNKNOWN
from fhir_server.storage.delta import NETWORK, standing
from fhir_server.storage.texts import TextKey

Value = int | str | tuple[int, ...]
Shape = tuple[Any, ...]
Items = tuple[int, int]  # a slot, and how many values stand there and after it; 0: it holds a list
often = lru_cache(maxsize=4096)(key)  # for what many searches have in common: types and parameters, never values
FIRST, LAST = -(2**63) + 1, 2**63 - 1  # nothing lies outside
MILLISECOND = 1000
FEW_KEYS = 4  # so many are compared one by one: a list has to be taken apart for each statement
MERGED = 8  # so many keys are read side by side, more than that as a set
LONGEST = 367 * 86_400 * 1_000_000  # more than any date of year precision spans

EVERYTHING: Shape = ("everything",)
NOTHING: Shape = ("nothing",)


def shape_of(node: Node, type_: str, values: list[Value]) -> Shape:
    """Return the shape of ``node`` for resources of ``type_``, and append its values; slots are indexes of ``values``."""
    return _SHAPES[type(node)](node, type_, values)


def both(first: Shape, second: Shape) -> Shape:
    """Return the shape of "first and second"."""
    return _and([first, second])


def bounds(node: Node) -> tuple[int, int]:
    """Return the range ``[low, high)`` outside which no resource has its main date, as far as the tree says so."""
    low, high = FIRST, LAST
    if isinstance(node, And):
        for part in node.parts:
            part_low, part_high = bounds(part)
            low, high = max(low, part_low), min(high, part_high)
    elif isinstance(node, Date) and node.main:
        return _range(node)
    return low, high


def _range(node: Date | Number) -> tuple[int, int]:
    """Return where values start that compare; only those that have a longest start at most so long before they end."""
    low, high = _STARTS[node.prefix](node.low, node.high)
    is_short = isinstance(node, Date) and node.point
    return (low, high) if is_short or node.prefix not in {"gt", "ge", "ap"} else (FIRST, high)


_STARTS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "eq": lambda low, high: (low, high),
    "ne": lambda _low, _high: (FIRST, LAST),
    "gt": lambda _low, high: (high - LONGEST, LAST),
    "ge": lambda low, high: (min(low, high - LONGEST), LAST),
    "sa": lambda _low, high: (high, LAST),
    "lt": lambda low, _high: (FIRST, low),
    "le": lambda _low, high: (FIRST, high),
    "eb": lambda low, _high: (FIRST, low),
    "ap": lambda low, high: (low - LONGEST, high),
}


def _add(values: list[Value], *added: Value) -> int:
    slot = len(values)
    values.extend(added)
    return slot


def _keys(values: list[Value], keys: Sequence[int]) -> Items:
    """Add a few keys as they are, more of them as a list."""
    few = 0 < len(keys) <= FEW_KEYS
    return (_add(values, *keys), len(keys)) if few else (_add(values, tuple(keys)), 0)


def _token(node: Token, type_: str, values: list[Value]) -> Shape:
    kind = "identifier" if node.param == "identifier" else "token" if node.system != "" else "code"
    slot = _add(values, key(type_, node.param, node.code))
    if node.system is None or (node.system == "" and has_no_systems(type_, node.param)):  # comparing costs as much as counting
        return ("equal", kind, slot)
    return ("exactly", kind, slot, _add(values, system_key(node.system)))


def _token_in(node: TokenIn, type_: str, values: list[Value]) -> Shape:
    if len(node.codes) <= MERGED:
        return _any(Or(tuple(Token(node.param, code, node.system) for code in node.codes)), type_, values)
    keys = _keys(values, [key(type_, node.param, code) for code in node.codes])
    if node.system is None:
        return ("among", "token", keys)
    return ("within", "token", keys, _add(values, system_key(node.system)))


def _reference(node: ReferenceTo, type_: str, values: list[Value]) -> Shape:
    found = reference_key(type_, node.param, node.target)
    return NOTHING if found is None else ("equal", "reference", _add(values, found))


def _uri(node: Uri, type_: str, values: list[Value]) -> Shape:
    return ("equal", "uri", _add(values, key(type_, node.param, node.value)))


def _date(node: Date, type_: str, values: list[Value]) -> Shape:
    slot = _add(values, often(type_, node.param), node.low, node.high, *_range(node))
    return ("date", node.prefix, node.main, slot)


def _number(node: Number, type_: str, values: list[Value]) -> Shape:
    slot = _add(values, often(type_, node.param), node.low, node.high, *_range(node))
    return ("date", node.prefix, False, slot)  # kept and compared as a date is that is not the main one


def _near(node: Near, type_: str, values: list[Value]) -> Shape:
    return ("near", _add(values, often(type_, node.param), *heights(node), node.x, node.y, node.z, node.most))


def _text(node: Text, type_: str, values: list[Value]) -> Shape:
    found = TextKey.of(node.value, node.mode)
    slot = _add(values, often(type_, node.param), found.start, found.beyond, found.rest, found.mark)
    return ("text", found.kind, slot)


def _id(node: Id, type_: str, values: list[Value]) -> Shape:
    return ("id", _keys(values, [key(f"{type_}/{id_}") for id_ in node.values]))


def _updated(node: LastUpdated, _type: str, values: list[Value]) -> Shape:
    """Return a range of ``updated``, an instant one millisecond long.

    "since" has a lower bound and finds little, "before" has none, "outside" is all but the range.
    """
    low, high, longest = node.low, node.high, node.high - MILLISECOND + 1
    kind, least, beyond = {
        "eq": ("since", low, longest),
        "ne": ("outside", low, longest),
        "gt": ("since", longest, LAST),
        "ge": ("since", min(low, longest), LAST),
        "sa": ("since", high, LAST),
        "lt": ("before", FIRST, low),
        "le": ("before", FIRST, max(low, longest)),
        "eb": ("before", FIRST, low - MILLISECOND + 1),
        "ap": ("since", low - MILLISECOND + 1, high),
    }[node.prefix]
    return ("updated", kind, _add(values, least, beyond))


def _dossier(node: Dossier, _type: str, values: list[Value]) -> Shape:
    return ("dossier", _keys(values, [*map(key, node.patients)]))


def _member(node: MemberOf, _type: str, values: list[Value]) -> Shape:
    return ("member", _keys(values, [*map(key, node.people)]), _add(values, node.at), _left(node.left, values))


def _mate(node: TeamMate, _type: str, values: list[Value]) -> Shape:
    return ("mate", _keys(values, [*map(key, node.people)]), _add(values, node.at), _left(node.left, values))


def _left(organisations: Sequence[str], values: list[Value]) -> Items | None:
    return _keys(values, [*map(key, organisations)]) if organisations else None


def _in_circle(node: InCircle, type_: str, values: list[Value]) -> Shape:
    if not node.members:
        return NOTHING
    people = _keys(values, [*map(key, node.people), NETWORK])
    return ("in_circle", node.own, node.networks, people, *_member(MemberOf(node.members, node.at, node.left), type_, values)[1:])


def _circle_names(node: CircleNames, _type: str, values: list[Value]) -> Shape:
    if not node.names:
        return NOTHING
    return ("circle_names", node.own, node.alone, node.others, _keys(values, [*map(standing, node.names)]))


def _consented(node: Consented, type_: str, values: list[Value]) -> Shape:
    """Add keys, people and keys of labels, then in one row what ``storage/consented`` binds."""
    labels = tuple(often(type_, "_security", label) for label in LABELS)
    keys, people = ((_add(values, tuple(map(key, each))), False) for each in (node.keys, node.people))
    left = _left(node.left, values)
    words = (item(each) for each in (node.purpose, node.category, node.action, HUB, UNKNOWN))
    slot = _add(values, node.at, *words, US, often(type_, node.date), mask([node.label]), *labels)
    author = _missing(node.author, type_, values)[1] if node.author else None
    values += [unknown(type_)] if node.author else []
    facts = bool(node.purpose), bool(node.date), author, _coded(node.coded, type_, values), node.unknown
    return ("consented", keys, people, slot, *facts, left, node.open_without)


def _coded(node: Coded | None, type_: str, values: list[Value]) -> tuple[Items, Items, int] | None:
    """Add the keys of codes and systems, and the label that they have."""
    if node is None:
        return None
    codes, systems = ((_add(values, each), False) for each in _of_codes(node, type_))
    return codes, systems, _add(values, mask([node.label]))


@lru_cache
def _of_codes(node: Coded, type_: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(key(type_, node.param, code) for code in node.codes), tuple(map(key, node.systems))


def _unrefused(node: Unrefused, type_: str, values: list[Value]) -> Shape:
    return ("unrefused", *_consented(node.asked, type_, values)[1:])


def _missing(node: Missing, type_: str, values: list[Value]) -> Shape:
    return ("missing", _add(values, often(type_), 1 << node.place))


def _not(node: Not, type_: str, values: list[Value]) -> Shape:
    part = shape_of(node.part, type_, values)
    return EVERYTHING if part is NOTHING else NOTHING if part is EVERYTHING else ("not", part)


def _all(node: And, type_: str, values: list[Value]) -> Shape:
    return _and([shape_of(part, type_, values) for part in node.parts])


def _and(parts: Sequence[Shape]) -> Shape:
    flat: list[Shape] = []
    for part in parts:
        if part is NOTHING:
            return NOTHING
        if part is not EVERYTHING:
            flat.extend(part[1:] if part[0] == "and" else (part,))
    return ("and", *flat) if len(flat) > 1 else flat[0] if flat else EVERYTHING


def _any(node: Or, type_: str, values: list[Value]) -> Shape:
    start = len(values)
    parts = [part for part in (shape_of(part, type_, values) for part in node.parts) if part is not NOTHING]
    if not parts:
        return NOTHING
    if EVERYTHING in parts:
        return EVERYTHING
    if len(parts) == 1:
        return parts[0]
    if len(parts) <= MERGED or any(part[0] != "equal" for part in parts):
        return ("or", *parts)
    keys = [value for value in (values[part[2]] for part in parts) if isinstance(value, int)]
    del values[start:]
    kind = parts[0][1] if len({part[1] for part in parts}) == 1 else "token"
    return ("among", kind, _keys(values, keys))


_SHAPES: dict[type, Callable[[Any, str, list[Value]], Shape]] = {
    Everything: lambda _node, _type, _values: EVERYTHING,
    Nothing: lambda _node, _type, _values: NOTHING,
    Token: _token,
    ReferenceTo: _reference,
    Uri: _uri,
    TokenIn: _token_in,
    Date: _date,
    Number: _number,
    Near: _near,
    Text: _text,
    Id: _id,
    LastUpdated: _updated,
    Dossier: _dossier,
    MemberOf: _member,
    TeamMate: _mate,
    InCircle: _in_circle,
    CircleNames: _circle_names,
    Consented: _consented,
    Unrefused: _unrefused,
    Missing: _missing,
    Not: _not,
    And: _all,
    Or: _any,
}
