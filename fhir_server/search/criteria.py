"""One parameter that narrows a search, plain, chained or reversed, as a node of the tree.

Chains and ``_has`` (https://hl7.org/fhir/R4/search.html#chaining, #has) become the nodes ``Chain`` and ``Has``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest
from fhir_server.search import filters, values
from fhir_server.search.filing import filed
from fhir_server.search.include_values import is_kept
from fhir_server.search.tree import Chain, Has, Id, LastUpdated, Node

MOST_LINKS = 40  # of one request: each is a search of its own
_MOST_TRIED = 400  # where a chain names no types, also those that turn out to know nothing of what follows
_HAS_PARTS = 3
_SHOWN = 64
_NUMBER = re.compile(r"[0-9]{9}")


class UnknownParameter(BadRequest):
    """A type has no such search parameter."""


@dataclass
class Reader:
    """What values are read with: as in ``parse``. Without a ``catalog`` there are no chains and no ``_has``.

    ``links`` counts the types to which chains and ``_has`` have led, ``tried`` also those that led nowhere.
    """

    base: str = ""
    in_url: bool = False
    catalog: Catalog | None = None
    links: int = 0
    tried: int = 0

    def node(self, entry: Entry, name: str, value: str) -> Node:
        """Read the parameter ``name`` of ``entry``. Raises BadRequest, as UnknownParameter where it has no such parameter."""
        if name == "_has" or name.startswith("_has:"):
            return self._has(entry, name, value)
        first, dot, rest = name.partition(".")
        code, _, modifier = first.partition(":")
        if dot:
            return self._chain(entry, self._reference(entry, code), modifier, rest, value)
        if code not in _COMMON and code not in entry.search:
            raise _unknown(entry, code)
        if not value:
            raise BadRequest(f"The search parameter '{shown(name)}' has no value; give one or leave it out.", detail="search-value")
        if code in _COMMON:
            return _COMMON[code](modifier, value)
        parameter = entry.search[code]
        return filed(filters.node(entry, parameter, modifier, value, base=self.base, in_url=self.in_url), parameter)

    def _chain(self, entry: Entry, parameter: SearchParameter, type_: str, rest: str, value: str) -> Node:
        if type_:
            if type_ not in parameter.targets:
                raise BadRequest(_points(parameter), detail="search-modifier")
            part = self.node(self._linked(entry, type_), rest, value)
            return Chain(parameter.index_code, type_, part)
        found = list(self._chains(entry, parameter, rest, value))
        if not found:
            raise UnknownParameter(
                f"Nothing that '{parameter.code}' of {entry.name} points to can be searched by '{shown(rest)}'.",
                detail="search-parameter-unknown",
            )
        return filters.any_of(found)

    def _chains(self, entry: Entry, parameter: SearchParameter, rest: str, value: str) -> Iterator[Node]:
        """Follow ``parameter`` to every type that a chain may lead to and that knows the rest."""
        types = self._types()
        for type_ in parameter.targets:
            if type_ not in types or not _leads(entry, types[type_]):
                continue
            before = self.links
            try:
                yield Chain(parameter.index_code, type_, self.node(self._linked(entry, type_), rest, value))
            except UnknownParameter:
                self.links = before

    def _types(self) -> Mapping[str, Entry]:
        if self.catalog is None:
            raise BadRequest("Chained parameters and '_has' are not supported here.", detail="search-not-supported")
        return self.catalog.types

    def _has(self, entry: Entry, name: str, value: str) -> Node:
        type_, code, rest = self._has_parts(name)
        linked = self._linked(None, type_)
        parameter = self._reference(linked, code)
        if entry.name not in parameter.targets:
            raise UnknownParameter(_points(parameter), detail="search-has")
        return Has(type_, code, self.node(linked, rest, value))

    def _has_parts(self, name: str) -> Sequence[str]:
        parts = name.removeprefix("_has:").split(":", maxsplit=_HAS_PARTS - 1)
        if len(parts) != _HAS_PARTS or not all(parts):
            raise BadRequest("'_has' is written as _has:Type:reference:parameter=value.", detail="search-has")
        return parts

    def _reference(self, entry: Entry, code: str) -> SearchParameter:
        parameter = entry.search.get(code)
        if parameter is None:
            raise _unknown(entry, code)
        if parameter.type != "reference":
            raise BadRequest(f"'{code}' of {entry.name} is no reference: nothing can be chained to it.", detail="search-chain")
        return parameter

    def _linked(self, origin: Entry | None, type_: str) -> Entry:
        """Return the type to which a link leads, out of ``origin`` or, as None, into it."""
        entry = self._types().get(type_)
        if entry is None or not _leads(origin, entry):
            text = f"A search cannot go through {shown(type_)} from here: it is not kept here, or cannot be searched."
            raise BadRequest(text, detail="search-not-supported")
        self.links += 1
        self.tried += 1
        if self.links > MOST_LINKS or self.tried > _MOST_TRIED:
            text = f"The chained parameters lead to more than {MOST_LINKS} types; name them, as in subject:Patient.name."
            raise BadRequest(text, detail="search-too-deep")
        return entry


def _leads(origin: Entry | None, entry: Entry) -> bool:
    """Tell whether a chain may lead to ``entry``: to what the sources hold only from what they hold as well."""
    return is_kept(entry) or (origin is not None and origin.home == entry.home == "federated")


def shown(name: str) -> str:
    """Return a name from a request as an error text may repeat it: without what may be somebody's number."""
    name = _NUMBER.sub("*********", name)
    return name if len(name) <= _SHOWN and name.isprintable() else name[:_SHOWN].encode("unicode_escape").decode() + "..."


def _unknown(entry: Entry, code: str) -> UnknownParameter:
    known = ", ".join(sorted([*_COMMON, *entry.search]))
    text = f"{entry.name} has no search parameter '{shown(code)}'; it has {known}."
    return UnknownParameter(text, detail="search-parameter-unknown")


def _points(parameter: SearchParameter) -> str:
    return f"'{parameter.code}' points to {', '.join(parameter.targets)}."


def _id(modifier: str, value: str) -> Node:
    filters.refuse_modifier("_id", modifier, ())
    return Id(tuple(dict.fromkeys(values.unescape(one) for one in filters.alternatives("_id", value))))


def _last_updated(modifier: str, value: str) -> Node:
    filters.refuse_modifier("_lastUpdated", modifier, ())
    return filters.any_of([LastUpdated(prefix, low, high) for prefix, (low, high) in filters.dates("_lastUpdated", value)])


_COMMON: dict[str, Callable[[str, str], Node]] = {"_id": _id, "_lastUpdated": _last_updated}
