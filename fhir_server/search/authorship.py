"""Who made a resource: what the index keeps of it beside the references themselves.

An author who is named otherwise than by a reference to this server is unknown. What somebody makes as a PractitionerRole is made by
the Practitioner: the index of the PractitionerRole tells under which keys it is found.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from fhir_server.catalog.catalog import IN_ROLE, Entry
from fhir_server.model.references import local
from fhir_server.search.rows import IndexRow, key

_AUTHOR: Final = "\x1fauthor"


def authorship(resource: Mapping[str, Any], entry: Entry, base: str, sort: int) -> list[IndexRow]:
    """Return the rows about the author of ``resource``, and those about what is written as this PractitionerRole."""
    if entry.author:
        return [IndexRow(unknown(entry.name), sort, 0)] if "" in _named(resource, entry, base) else []
    person = local(_literal(resource.get("practitioner")), base) if entry.authored else ""
    if not person or "id" not in resource:
        return []
    at, role = in_roles(person), f"{IN_ROLE}/{resource['id']}"
    return [IndexRow(at, sort, key(type_, author, role)) for type_, author in entry.authored]


def authors(resource: Mapping[str, Any], entry: Entry, base: str) -> tuple[str, ...]:
    """Return who made ``resource`` ("Type/id"), as it names them, "" for one who is unknown; none when it names nobody."""
    return tuple(dict.fromkeys(_named(resource, entry, base)))


def made_by(types: Iterable[Entry], author: str) -> tuple[int, ...]:
    """Return the keys under which the resources of ``types`` have a row that ``author`` ("Type/id") made."""
    return tuple(key(each.name, each.author, author) for each in types if each.author)


def in_roles(author: str) -> int:
    """Return the key of the rows whose ``high`` are keys under which is found what ``author`` made as a PractitionerRole."""
    return key(_AUTHOR, author)


@lru_cache
def unknown(type_: str) -> int:
    """Return the key under which a resource of ``type_`` has a row that names an author who is unknown."""
    return key(_AUTHOR, type_, "?")


def _named(resource: Mapping[str, Any], entry: Entry, base: str) -> list[str]:
    """Return the authors as "Type/id", "" for one who is unknown."""
    value = resource.get(entry.author) if entry.author else None
    given = value if isinstance(value, list) else [value] if value is not None else []
    return [local(_literal(each), base) for each in given]


def _literal(value: object) -> str:
    literal = value.get("reference") if isinstance(value, Mapping) else None
    return literal if isinstance(literal, str) else ""
