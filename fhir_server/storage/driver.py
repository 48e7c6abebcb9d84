"""Which part of a search finds the candidates, and the SELECT that does; everything else is a condition on each candidate.

The choice is by kind, the most selective first, and is fixed in the text: neither engine is left a choice of plan.
"""

from collections.abc import Callable

from fhir_server.storage.conditions import circles_of, condition, date_range, dossiers_of, mates_of, near_rows, text_rows
from fhir_server.storage.shape import MERGED, Shape
from fhir_server.storage.writer import Writer

_RANKS: dict[str, int] = {
    "id": 1,
    "identifier": 2,
    "reference": 3,
    "uri": 4,
    "text": 5,
    "near": 5,
    "dossier": 6,
    "member": 7,
    "mate": 7,
    "in_circle": 7,
    "circle_names": 7,
    "token": 8,
    "code": 9,  # of a few that the type allows, such as a status
    "date": 12,
    "updated": 12,
    "contains": 13,
}
_NONE = 99
_KEYS = frozenset({"equal", "exactly"})
_OPEN_BELOW = frozenset({"lt", "le", "eb", "ne", "ap"})  # most of what is stored: no way to find little


def choose(shape: Shape) -> tuple[Shape | None, tuple[Shape, ...]]:
    """Return the part that drives the search (None: no part does) and the parts that remain conditions."""
    parts = shape[1:] if shape[0] == "and" else () if shape[0] == "everything" else (shape,)
    best = min(parts, key=rank, default=None)
    if best is None or rank(best) >= _NONE:
        return None, parts
    exact = best[0] != "or" or is_ordered(best)
    return best, tuple(part for part in parts if part is not best or not exact)


def keys_of(shape: Shape) -> tuple[Shape, ...]:
    """Return the keys of the index under which ``shape`` finds exactly its resources, () when there are none such."""
    parts = shape[1:] if shape[0] == "or" else (shape,)
    return parts if len(parts) <= MERGED and all(part[0] in _KEYS for part in parts) else ()


def is_ordered(shape: Shape) -> bool:
    """Tell whether the index holds what ``shape`` finds in the order of the main date."""
    return bool(keys_of(shape))


def rank(shape: Shape) -> int:
    """Return how selective a shape is taken to be, 1 the most."""
    match shape[0]:
        case "exactly" | "equal" | "among" | "within":
            return _equality_rank(*shape[:2])
        case "text":
            return _RANKS["contains" if shape[1] == "contains" else "text"]
        case "date":
            return _NONE if shape[2] or shape[1] in _OPEN_BELOW else _RANKS["date"]
        case "updated":
            return _RANKS["updated"] if shape[1] == "since" else _NONE
        case "and":
            return min(map(rank, shape[1:]))
        case "or":
            worst = max(map(rank, shape[1:]))
            return worst if worst <= _RANKS["contains"] else _NONE
        case _:
            return _RANKS.get(shape[0], _NONE)


def _equality_rank(form: str, kind: str) -> int:
    """Return the rank of a key: without its system a token is less selective, many keys are less so than one."""
    several = form in {"among", "within"}
    return _RANKS[kind] + (form not in {"exactly", "within"} and kind == "token") + several


def scope(writer: Writer, shape: Shape, type_slot: int) -> str:
    """Return the condition on ``resource r`` through which the candidates of ``shape`` are found."""
    if shape[0] not in _DIRECT:
        return f"r.row {writer.dialect.set_of(candidates(writer, shape, type_slot))}"
    unused = "" if shape[0] in _INDEXED_BY_TYPE else writer.dialect.unused
    return f"{unused}r.type = {writer.at(type_slot)} AND {_DIRECT[shape[0]](writer, shape)}"


def candidates(writer: Writer, shape: Shape, type_slot: int) -> str:
    """Return the SELECT of the rows among which everything is that ``shape`` matches."""
    match shape[0]:
        case "equal":
            return f"SELECT p.row FROM idx p WHERE p.key = {writer.at(shape[2])}"
        case "exactly":
            return f"SELECT p.row FROM idx p WHERE p.key = {writer.at(shape[2])} AND p.high = {writer.at(shape[3])}"
        case "among":
            return f"SELECT p.row FROM idx p WHERE p.key {writer.among(shape[2])}"
        case "within":
            return f"SELECT p.row FROM idx p WHERE p.key {writer.among(shape[2])} AND p.high = {writer.at(shape[3])}"
        case "date":
            return f"SELECT p.row FROM idx p WHERE {date_range(writer, shape)}"
        case "near":
            return f"SELECT p.row FROM idx p WHERE {near_rows(writer, shape)}"
        case "text":
            return f"SELECT p.row FROM idx_text p WHERE {text_rows(writer, shape)}"
        case "and":
            return candidates(writer, min(shape[1:], key=rank), type_slot)
        case "or":
            return " UNION ".join(candidates(writer, part, type_slot) for part in shape[1:])
        case _:
            return f"SELECT r.row FROM resource r WHERE {scope(writer, shape, type_slot)}"


def _circles(writer: Writer, shape: Shape) -> str:
    column = "r.self" if shape[1] else "r.circle"
    return f"{column} {writer.dialect.set_of(circles_of(writer, shape))} AND {condition(writer, shape, 'r')}"


def _in_circle(writer: Writer, shape: Shape) -> str:
    return f"r.dossier {writer.dialect.set_of(dossiers_of(writer, *shape[4:]))} AND {condition(writer, shape, 'r')}"


def is_reached(shape: Shape) -> bool:
    """Tell whether candidates are found through the dossiers that somebody is in: as many as these hold, and that may be a lot."""
    best, _ = choose(shape)
    return best is not None and _RANKS["dossier"] <= rank(best) <= _RANKS["member"]


def places(best: Shape) -> list[Shape]:
    """Return the parts, each found on its own, among whose candidates all is that ``best`` matches."""
    if best[0] == "or":
        return [place for part in best[1:] for place in places(part)]
    return places(min(best[1:], key=rank)) if best[0] == "and" else [best]


def is_exact(place: Shape) -> bool:
    """Tell whether ``within`` finds nothing but what ``place`` matches."""
    return place[0] in {"dossier", "member", "mate"}


def within(writer: Writer, place: Shape, type_slot: int, most_slot: int | None) -> str:
    """Return the condition on ``resource r`` that takes the least to find the candidates of ``place``.

    Of what ``sources`` says no more counts than the number in ``most_slot``, where there is one.
    """
    if place[0] not in _SOURCES:
        return scope(writer, place, type_slot)
    column, source = _SOURCES[place[0]](writer, place)
    return f"r.type = {writer.at(type_slot)} AND {column} {writer.dialect.set_of(source + limited(writer, most_slot))}"


def sources(writer: Writer, place: Shape) -> list[str]:
    """Return the SELECTs of the memberships or circles through which ``within`` goes."""
    return [_SOURCES[place[0]](writer, place)[1]] if place[0] in _SOURCES else []


def limited(writer: Writer, most_slot: int | None) -> str:
    """Return what ends a SELECT after as many rows as the number in ``most_slot``."""
    return "" if most_slot is None else f" LIMIT {writer.at(most_slot)}"


_SOURCES: dict[str, Callable[[Writer, Shape], tuple[str, str]]] = {
    "member": lambda writer, shape: ("r.dossier", dossiers_of(writer, *shape[1:])),
    "in_circle": lambda writer, shape: ("r.dossier", dossiers_of(writer, *shape[4:])),
    "circle_names": lambda writer, shape: ("r.self" if shape[1] else "r.circle", circles_of(writer, shape)),
}


_INDEXED_BY_TYPE = frozenset({"dossier", "member", "in_circle", "updated"})
_DIRECT: dict[str, Callable[[Writer, Shape], str]] = {
    "id": lambda writer, shape: f"r.self {writer.among(shape[1])}",
    "dossier": lambda writer, shape: f"r.dossier {writer.among(shape[1])}",
    "member": lambda writer, shape: f"r.dossier {writer.dialect.set_of(dossiers_of(writer, *shape[1:]))}",
    "mate": lambda writer, shape: f"r.self {writer.dialect.set_of(mates_of(writer, *shape[1:]))}",
    "in_circle": _in_circle,
    "circle_names": _circles,
    "updated": lambda writer, shape: condition(writer, shape, "r"),
}
