"""Who refers to a resource: index keys under which every literal reference to it is found, whatever element it stands in.

The rows of the reference parameters tell most of it. A reference that no selected parameter covers has a row of its own, under one
key for all types. https://hl7.org/fhir/R4/http.html#delete leaves it to the server whether what is referred to can be deleted.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from fhir_server.catalog.catalog import Entry
from fhir_server.catalog.definitions import OWN, SearchParameter
from fhir_server.search.references import reference_key
from fhir_server.search.rows import IndexRow, key

_ANY: Final = "\x1flink"
_made: dict[int, tuple[Entry, tuple[str, ...]]] = {}


def uncovered(targets: Iterable[str], entry: Entry, rows: Collection[IndexRow], sort: int) -> list[IndexRow]:
    """Return a row for each of ``targets`` ("Type/id"), to which a resource of ``entry`` refers, that none of ``rows`` is about."""
    found = targets if entry.is_stored else ()
    if not found:
        return []
    keys = {row.key for row in rows}
    codes = _codes(entry)
    return [IndexRow(key(_ANY, each), sort, 0) for each in found if keys.isdisjoint(_covering(entry.name, codes, each))]


def referrers(types: Iterable[Entry], target: str) -> tuple[int, ...]:
    """Return the keys under which resources of ``types`` that refer to ``target`` ("Type/id") have a row."""
    kept = [entry for entry in types if entry.is_stored]
    return (key(_ANY, target), *(each for entry in kept for each in _covering(entry.name, _codes(entry), target)))


@lru_cache(maxsize=16384)
def _covering(type_: str, codes: tuple[str, ...], target: str) -> tuple[int, ...]:
    found = (reference_key(type_, code, target) for code in codes)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _codes(entry: Entry) -> tuple[str, ...]:
    """Return the parameters with rows about References; a canonical is the name of something, and may well have no target.

    Those of the user's own are left out: they come and go while what is indexed stays.
    """
    found = _made.get(id(entry))
    if found is None or found[0] is not entry:
        codes = (code for code, each in entry.search.items() if each.place != OWN and _is_reference(each))
        found = _made[id(entry)] = (entry, tuple(codes))
    return found[1]


def _is_reference(parameter: SearchParameter) -> bool:
    return parameter.type == "reference" and any(path.type == "Reference" for path in parameter.paths)
