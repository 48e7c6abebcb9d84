"""What is counted by dossier: how many resources name somebody and have a code, such as the Tasks of an owner that are requested.

One row of the index for each resource that has both. Its ``sort`` is the dossier, so that those of one dossier stand side by side,
and whoever counts can decide once for all of them (``storage/tally``).
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Final, NamedTuple

from fhir_server.catalog.catalog import Entry
from fhir_server.model.references import local
from fhir_server.search.leaves import target
from fhir_server.search.rows import IndexRow, key
from fhir_server.search.tree import And, Node, Or, Query, ReferenceTo, Token

ONE_BY_ONE: Final = 0
"""Stands for a dossier where what decides on one of these resources need not decide on the next."""
_MOST: Final = 8


class Tally(NamedTuple):
    """What is counted: all under one of ``keys``, each of which is about one of ``targets`` ("Type/id")."""

    keys: tuple[int, ...]
    targets: tuple[str, ...]


def tallied(resource: Mapping[str, Any], entry: Entry, base: str, dossier: str) -> tuple[IndexRow, ...]:
    """Return the row by which a valid ``resource`` is counted, none when it lacks a part of the tally.

    ``dossier`` is the reference to it, as it is written. What does not plainly belong to a Patient here, or does not plainly name
    somebody here, is to be looked at one by one: it makes no circle, or one in which those do not stand (``network/circle``).
    """
    param, coded = entry.tally
    literal, code = resource.get(param, {}).get("reference"), resource.get(coded)
    if not literal or literal[0] == "#" or not code:
        return ()
    found = target(literal, base)
    plain = found == local(literal, base) and local(dossier, base) == target(dossier, base) != ""
    return (IndexRow(_key(entry.name, entry.tally, found, code), _key_of(target(dossier, base)) if plain else ONE_BY_ONE, 0),)


def tally(query: Query, params: tuple[str, ...]) -> Tally | None:
    """Return by what the resources of ``query`` are counted where ``params`` are the tally of their type; None for no such way."""
    if not params or not isinstance(query.where, And) or len(query.where.parts) != len(params):
        return None
    named, coded = map(_choices, query.where.parts)
    if isinstance(named[0], Token):
        named, coded = coded, named
    targets = {each.target: None for each in named if isinstance(each, ReferenceTo) and each.param == params[0]}
    codes = {each.code: None for each in coded if isinstance(each, Token) and each.param == params[1] and not each.system}
    if len(targets) < len(named) or len(codes) < len(coded) or len(targets) * len(codes) > _MOST:
        return None
    return Tally(tuple(_key(query.type, params, *each) for each in product(targets, codes)), tuple(targets))


@lru_cache(maxsize=4096)
def _key(type_: str, params: tuple[str, ...], found: str, code: str) -> int:
    return key(type_, "$".join(params), found, code)


_key_of = lru_cache(maxsize=4096)(key)


def _choices(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Or) else (node,)
