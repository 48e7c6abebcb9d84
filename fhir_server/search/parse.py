"""Search parameters to a search (https://hl7.org/fhir/R4/search.html).

What is not supported is refused with what is; nothing that narrows a search is dropped in silence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fhir_server.catalog.catalog import Entry
from fhir_server.errors import BadRequest, Issue
from fhir_server.search import filters, values
from fhir_server.search.results import RESULTS, Results
from fhir_server.search.search import Search
from fhir_server.search.tree import And, Everything, Id, LastUpdated, Node, Query

__all__ = ["Search", "parse"]

_UNSUPPORTED = frozenset(
    {"_content", "_contained", "_containedType", "_filter", "_has", "_in", "_list", "_query", "_text", "_type"}
)


@dataclass
class _Parsing:
    """What has been read so far."""

    entry: Entry
    strict: bool
    base: str
    in_url: bool
    results: Results
    where: list[Node] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)


def parse(
    entry: Entry,
    parameters: Sequence[tuple[str, str]],
    *,
    strict: bool = True,
    base: str = "",
    limit: int = 100,
    in_url: bool = True,
) -> Search:
    """Read the decoded ``parameters`` of a search of the type ``entry``.

    ``strict``: an unknown parameter is refused (otherwise ignored with a warning). ``base`` is the server's FHIR base without a
    slash at the end, ``limit`` the largest ``_count``, ``in_url`` tells that the parameters came in a URL (where no BSN may stand).
    Raises BadRequest with what to do instead.
    """
    state = _Parsing(entry, strict, base, in_url, Results(entry, limit))
    for name, value in parameters:
        _parameter(state, name, value)
    results = state.results
    where = state.where[0] if len(state.where) == 1 else And(tuple(state.where)) if state.where else Everything()
    return Search(
        query=Query(entry.name, where, results.sort, results.count),
        includes=tuple(results.includes),
        total=results.total,
        summary=results.summary,
        elements=results.elements,
        count_only=results.count_only,
        warnings=tuple(state.warnings),
        parameters=tuple(state.used),
        page=results.page,
    )


def _parameter(state: _Parsing, name: str, value: str) -> None:
    code, _, modifier = name.partition(":")
    if code in RESULTS:
        state.results.read(code, modifier, value)
    elif code in _UNSUPPORTED:
        raise BadRequest(f"The search parameter '{code}' is not supported by this server.", detail="search-not-supported")
    elif "." in name:
        text = f"Chained search parameters ('{_shown(name)}') are not supported by this server."
        raise BadRequest(text, detail="search-not-supported")
    elif not value:
        raise BadRequest(f"The search parameter '{_shown(name)}' has no value; give one or leave it out.", detail="search-value")
    elif code in _COMMON:
        state.where.append(_COMMON[code](modifier, value))
    elif code in state.entry.search:
        found = state.entry.search[code]
        state.where.append(filters.node(state.entry, found, modifier, value, base=state.base, in_url=state.in_url))
    else:
        _unknown(state, name)
        return
    if code not in _NOT_SHOWN:
        state.used.append((name, value))


def _unknown(state: _Parsing, name: str) -> None:
    text = f"{state.entry.name} has no search parameter '{_shown(name)}'"
    if state.strict and not name.startswith("_"):
        known = ", ".join(sorted(["_id", "_lastUpdated", *state.entry.search]))
        raise BadRequest(f"{text}; it has {known}.", detail="search-parameter-unknown")
    state.warnings.append(Issue("not-supported", f"{text}; it was ignored.", severity="warning", detail="search-parameter-unknown"))


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN and name.isprintable() else name[:_SHOWN].encode("unicode_escape").decode() + "..."


def _id(modifier: str, value: str) -> Node:
    filters.refuse_modifier("_id", modifier, ())
    return Id(tuple(dict.fromkeys(values.unescape(one) for one in filters.alternatives("_id", value))))


def _last_updated(modifier: str, value: str) -> Node:
    filters.refuse_modifier("_lastUpdated", modifier, ())
    return filters.any_of([LastUpdated(prefix, low, high) for prefix, (low, high) in filters.dates("_lastUpdated", value)])


_SHOWN = 64
_NOT_SHOWN = frozenset({"_format", "_pretty", "_page"})
_COMMON: dict[str, Callable[[str, str], Node]] = {"_id": _id, "_lastUpdated": _last_updated}
