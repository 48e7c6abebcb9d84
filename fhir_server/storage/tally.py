"""Counting by dossier: membership and consent are decided once for all that is counted in one, and not for each resource.

The rest of the grant's predicate can only open more. So where these do not open the whole of a dossier, its resources are looked at
one by one, as they are for whoever lists them: the number is that of the list in any case. Two statements: first the small one that
does where all is plain; on PostgreSQL most of what a statement costs is how long it is.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from fhir_server.search.rows import key
from fhir_server.search.tally import ONE_BY_ONE, Tally, tally
from fhir_server.search.tree import Query
from fhir_server.storage.compile import TEXTS
from fhir_server.storage.conditions import condition
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.repository import Grant
from fhir_server.storage.shape import Items, Shape, Value, shape_of
from fhir_server.storage.writer import Statement, Writer


class Counting(NamedTuple):
    """``plain`` gives the number, and in how many dossiers one has to look closer: then ``close`` gives the number."""

    plain: Statement
    close: Statement
    values: list[Value]


def counting(dialect: Dialect, grant: Grant, query: Query, params: tuple[str, ...]) -> Counting | None:
    """Return how to count what ``grant`` covers of ``query``, ``params`` being the tally of the type; None where that is no way."""
    place = ("tally", id(query.where))  # kept beside it: as long as it is, no other has its identity
    kept = grant.made.get(place)
    if kept is None:
        found = tally(query, params)
        kept = grant.made[place] = (query.where, _counting(dialect, grant, found) if found else None)
    made: Counting | None = kept[1]
    return made


def _counting(dialect: Dialect, grant: Grant, found: Tally) -> Counting | None:
    values: list[Value] = [*found.keys]
    each = shape_of(grant.where, grant.type, values)
    whole = of_dossier(each, values, frozenset(map(key, found.targets)))
    return None if whole is None else Counting(*_statements(dialect, each, whole, len(found.keys)), values)


def of_dossier(shape: Shape, values: Sequence[Value], names: frozenset[Value]) -> Shape | None:
    """Return a condition on a dossier that implies ``shape`` for all resources in it that name one of ``names``; None for none.

    Those who are named stand in the circles of these resources (``search/tally``): where people are asked for among whom they are,
    all that is left of a circle is the membership.
    """
    match shape[0]:
        case "everything" | "member" | "dossier":
            return shape
        case "not":
            return shape if shape[1][0] in {"member", "dossier"} else None
        case "in_circle":
            _, own, _, people, *membership = shape
            return ("member", *membership) if own and names <= _of(people, values) else None
        case "consented":
            return ("agreed", *shape[1:])
        case "and" | "or":
            parts = [of_dossier(part, values, names) for part in shape[1:]]
            left = [part for part in parts if part is not None]
            return (shape[0], *left) if left and (shape[0] == "or" or len(left) == len(parts)) else None
    return None


def _of(items: Items, values: Sequence[Value]) -> set[Value]:
    slot, few = items
    listed = values[slot]
    return set(listed) if isinstance(listed, tuple) else set(values[slot : slot + few])


@lru_cache(maxsize=TEXTS)
def _statements(dialect: Dialect, each: Shape, whole: Shape, keys: int) -> tuple[Statement, Statement]:
    return _plain(Writer(dialect), whole, (0, keys)), _close(Writer(dialect), each, whole, (0, keys))


def _plain(writer: Writer, whole: Shape, keys: Items) -> Statement:
    unclear = f"sum(CASE WHEN {_alike(writer, whole)} THEN 0 ELSE 1 END)"
    return writer.statement(f"SELECT coalesce(sum(r.number), 0), coalesce({unclear}, 0) FROM ({_dossiers(writer, keys)}) r")


def _close(writer: Writer, each: Shape, whole: Shape, keys: Items) -> Statement:
    dossiers = f"SELECT r.dossier, r.number, {_alike(writer, whole)} AS alike FROM ({_dossiers(writer, keys)}) r"
    rows = writer.dialect.set_of(f"SELECT p.row FROM idx p WHERE p.key {writer.among(keys)} AND p.sort = d.dossier")
    one_by_one = f"SELECT count(*) FROM resource r WHERE r.row {rows} AND {condition(writer, each, 'r')}"
    number = f"CASE WHEN d.alike THEN d.number ELSE ({one_by_one}) END"
    return writer.statement(f"SELECT coalesce(sum({number}), 0) FROM ({dossiers}) d")


def _dossiers(writer: Writer, keys: Items) -> str:
    return f"SELECT p.sort AS dossier, count(*) AS number FROM idx p WHERE p.key {writer.among(keys)} GROUP BY p.sort"


def _alike(writer: Writer, whole: Shape) -> str:
    return f"r.dossier <> {ONE_BY_ONE} AND {condition(writer, whole, 'r')}"
