"""What a Subscription asks for (Subscription.criteria), and whether a version of a resource is that.

A search without the results' own parameters, answered in memory on the new version alone. ``Task?id``, a parameter ``id`` without a
value, is every Task: clients for OZO write it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fhir_server.catalog.announced import announced
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.errors import BadRequest, Forbidden
from fhir_server.search import match
from fhir_server.search.parse import parse
from fhir_server.search.query_string import parse_query
from fhir_server.search.results import RESULTS
from fhir_server.search.tree import Everything, Node, Nothing

PLACE: Final = "Subscription.criteria"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Criteria as they were understood."""

    entry: Entry
    where: Node

    @property
    def type(self) -> str:
        """The type of the resources."""
        return self.entry.name

    def matches(self, resource: Mapping[str, Any], base: str) -> bool:
        """Tell whether ``resource`` is wanted."""
        return isinstance(self.where, Everything) or match.matches(self.where, resource, self.entry, base)


def read(text: str, catalog: Catalog, base: str = "") -> Wanted:
    """Read criteria; raises Forbidden for a type that cannot be subscribed to, BadRequest for what is no search of it."""
    type_, _, query = text.partition("?")
    if type_ not in announced().types:
        known = ", ".join(sorted(announced().types))
        raise Forbidden(
            f"Criteria begin with the type that is subscribed to, one of {known}.", expression=PLACE, detail="criteria-type"
        )
    entry = catalog.types[type_]
    parameters = [(name, value) for name, value in _pairs(query) if (name, value) not in _ALL]
    results = sorted({name for name, _ in parameters if name.partition(":")[0] in RESULTS})
    if results:
        raise BadRequest(
            f"Criteria say which resources, not how they are answered: leave out {', '.join(results)}.", expression=PLACE
        )
    try:
        found = parse(entry, parameters, base=base)
    except BadRequest as error:
        raise BadRequest(error.text, expression=PLACE, detail=error.issues[0].detail) from error
    if found.warnings:
        raise BadRequest(found.warnings[0].text, expression=PLACE, detail="search-parameter-unknown")
    return Wanted(entry, found.query.where)


class Reading:
    """Reads the criteria of stored subscriptions, each once."""

    def __init__(self, catalog: Catalog, base: str) -> None:
        """Read against ``catalog``; ``base`` is the server's own FHIR base."""
        self.base = base
        self._read = lru_cache(maxsize=_KEPT)(lambda text: _stored(text, catalog, base))

    def __call__(self, text: str) -> Wanted | None:
        """Return what is wanted, None when the criteria mean nothing any more: their parameter is gone, say."""
        return self._read(text)


def _stored(text: str, catalog: Catalog, base: str) -> Wanted | None:
    try:
        return read(text, catalog, base)
    except (BadRequest, Forbidden):
        entry = catalog.types.get(text.partition("?")[0])
        return Wanted(entry, Nothing()) if entry else None


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_query(query.encode())
    except BadRequest as error:
        raise BadRequest(error.text, expression=PLACE) from error


_ALL: Final = frozenset({("id", ""), ("_id", "")})
_KEPT: Final = 4096
