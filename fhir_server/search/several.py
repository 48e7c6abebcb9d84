"""A search of several types at once (https://hl7.org/fhir/R4/search.html#3.1.1.1.1): one search of each, by what all of them have.

The types are named in ``_type``; without it they are all that the server keeps, which share ``_id``, ``_lastUpdated``, ``_tag``
and their kin. The order is that of ``_lastUpdated``, the only date that all have.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.catalog.catalog import LAST_UPDATED, Catalog, Entry
from fhir_server.catalog.definitions import SearchParameter
from fhir_server.errors import BadRequest, Issue
from fhir_server.search.include_values import backward, forward, is_kept
from fhir_server.search.parse import parse
from fhir_server.search.search import Include, Search
from fhir_server.search.tree import Query, Sort

_ALWAYS: Final = frozenset({"_has", "_id", "_lastUpdated"})
_INCLUDES: Final = frozenset({"_include", "_revinclude"})
_OWN: Final = frozenset({"_type", *_INCLUDES})
_NEWEST: Final = Sort("_lastUpdated")
_MOST_PARAMETERS: Final = 100
_MOST_LINKED: Final = 5  # each link is a search of its own, for each type


@dataclass(frozen=True, slots=True)
class Several:
    """``answer`` has everything that shapes the answer, and no criteria; ``searches`` have the criteria, by type."""

    answer: Search
    searches: Mapping[str, Search]


def kept(catalog: Catalog) -> list[Entry]:
    """Return the types that are kept here and can be searched."""
    return [entry for entry in catalog.types.values() if is_kept(entry)]


def named(parameters: Iterable[tuple[str, str]], catalog: Catalog) -> tuple[Entry, ...]:
    """Return the types of ``_type``, () without it; raises BadRequest for what is no type here, or none that can be searched."""
    given = [(name, value) for name, value in parameters if _code(name) == "_type"]
    if len(given) > 1 or any(name != "_type" for name, _ in given):
        text = "'_type' is given once and without modifier, with commas between the types."
        raise BadRequest(text, detail="search-value")
    values = [value for _, value in given]
    return tuple(_type(name, catalog) for name in dict.fromkeys(values[0].split(","))) if values else ()


def _type(name: str, catalog: Catalog) -> Entry:
    entry = catalog.types.get(name)
    if entry is None or "search-type" not in entry.interactions:
        text = "'_type' is a list of resource types, with commas between them; /metadata lists those that can be searched."
        raise BadRequest(text, detail="search-value")
    return entry


def elsewhere(entries: Iterable[Entry]) -> tuple[Issue, ...]:
    """Return the warnings that those of ``entries`` are not searched which the store does not keep; none without them."""
    return tuple(
        Issue("not-supported", f"{names}: {why}, and no part of a search of several types.", severity="warning", detail=detail)
        for home, (why, detail) in _ELSEWHERE.items()
        if (names := ", ".join(entry.name for entry in entries if entry.home == home))
    )


_ELSEWHERE = {
    "federated": ("asked from source systems, one type and one patient at a time", "federated-type"),
    "published": ("what this server says of itself, to be searched one type at a time", "published-type"),
}


def parse_several(
    entries: Sequence[Entry],
    parameters: Sequence[tuple[str, str]],
    catalog: Catalog,
    *,
    strict: bool,
    base: str,
    limit: int,
    in_url: bool,
) -> Several:
    """Read the decoded ``parameters`` of a search of ``entries``, as ``parse`` reads those of one type. Raises BadRequest."""
    common = _common(entries or kept(catalog))
    if len(parameters) > _MOST_PARAMETERS:
        raise BadRequest(f"A search of several types takes at most {_MOST_PARAMETERS} parameters.", detail="search-value")
    narrows = _ALWAYS | common.keys()
    criteria = [each for each in parameters if _code(each[0]) in narrows]
    others = [each for each in parameters if _code(each[0]) not in narrows | _OWN]
    together = Entry("A search of these types together", "owned", frozenset(), common, (), "", LAST_UPDATED, "", "")
    answer = parse(together, _sortable(others), strict=strict, base=base, limit=limit, in_url=in_url)
    sort = answer.query.sort if any(name == "_sort" for name, _ in others) else _NEWEST
    searches = {
        entry.name: _shaped(parse(entry, criteria, base=base, in_url=in_url, catalog=catalog), sort, answer.query.count)
        for entry in entries
    }
    if len(entries) > _MOST_LINKED and any(each.linked for each in searches.values()):
        text = f"Chained parameters and '_has' need '_type', with {_MOST_LINKED} types at most."
        raise BadRequest(text, detail="search-too-deep")
    includes = [(_code(name), _include(entries, catalog, name, value)) for name, value in parameters if _code(name) in _INCLUDES]
    used = {*answer.parameters, *criteria, *(each for each in parameters if _code(each[0]) in _OWN)}
    answer = replace(
        answer,
        query=Query("", sort=sort, count=answer.query.count),
        includes=tuple(each for code, each in includes if code == "_include"),
        reverse=tuple(each for code, each in includes if code == "_revinclude"),
        parameters=tuple(each for each in parameters if each in used),
    )
    return Several(answer, searches)


def _code(name: str) -> str:
    return name.partition(".")[0].partition(":")[0]


def _common(entries: Sequence[Entry]) -> dict[str, SearchParameter]:
    """Return the parameters that all of ``entries`` have, of one kind in all of them."""
    first, *rest = entries
    return {
        code: parameter
        for code, parameter in first.search.items()
        if all(code in entry.search and entry.search[code].type == parameter.type for entry in rest)
    }


def _sortable(parameters: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return ``parameters``; raises BadRequest for an order that not all types have."""
    for name, value in parameters:
        if name == "_sort" and value.removeprefix("-") != LAST_UPDATED:
            raise BadRequest(f"Several types together are sorted by {LAST_UPDATED} or -{LAST_UPDATED}.", detail="search-sort")
    return parameters


def _shaped(search: Search, sort: Sort, count: int) -> Search:
    return replace(search, query=replace(search.query, sort=sort, count=count))


def _include(entries: Sequence[Entry], catalog: Catalog, name: str, value: str) -> Include:
    """Read an include, which must be possible for one of ``entries`` at least."""
    code, _, modifier = name.partition(":")
    read = forward if code == "_include" else backward
    if value == "*":
        return Include("*", "*", iterate=read(entries[0], catalog, modifier, value).iterate) if entries else Include("*", "*")
    refused = BadRequest(f"'{code}' is of no use here: no type is searched.", detail="search-include")
    for entry in entries:
        try:
            return read(entry, catalog, modifier, value)
        except BadRequest as error:
            refused = error
    raise refused
