"""Search parameters to a search (https://hl7.org/fhir/R4/search.html).

What is not supported is refused with what is; nothing that narrows a search is dropped in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.errors import BadRequest, Issue
from fhir_server.search.criteria import Reader, UnknownParameter, shown
from fhir_server.search.equivalents import widened
from fhir_server.search.results import RESULTS, Results
from fhir_server.search.sealed import has_number
from fhir_server.search.search import Search
from fhir_server.search.tree import And, Everything, Node, Query

__all__ = ["Search", "parse"]

_UNSUPPORTED = frozenset({"_content", "_contained", "_containedType", "_filter", "_in", "_list", "_query", "_text", "_type"})
_AS_USUAL = {"_contained": "false", "_containedType": "container"}
"""What these say where they are not given, which is all that is done here."""


@dataclass
class _Parsing:
    """What has been read so far."""

    entry: Entry
    strict: bool
    every: bool
    reader: Reader
    results: Results
    where: list[Node] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)


def parse(
    entry: Entry,
    parameters: Sequence[tuple[str, str]],
    *,
    strict: bool = True,
    every: bool = False,
    base: str = "",
    limit: int = 100,
    in_url: bool = True,
    catalog: Catalog | None = None,
) -> Search:
    """Read the decoded ``parameters`` of a search of the type ``entry``.

    ``strict``: an unknown parameter is refused (otherwise ignored with a warning), and with ``every`` also one that begins with an
    underscore. ``base`` is the server's FHIR base without a
    slash at the end, ``limit`` the largest ``_count``, ``in_url`` tells that the parameters came in a URL (where no BSN may stand).
    Without ``catalog`` there are no chains, no ``_has`` and no ``_revinclude``; with it, whoever carries out the search replaces
    the nodes ``Chain`` and ``Has`` first. Raises BadRequest with what to do instead.
    """
    state = _Parsing(entry, strict, every, Reader(base, in_url, catalog), Results(entry, limit, catalog))
    for name, value in parameters:
        _parameter(state, name, value)
    results = state.results
    where = widened(state.where[0] if len(state.where) == 1 else And(tuple(state.where)) if state.where else Everything())
    return Search(
        query=Query(entry.name, where, results.sort, results.count, counted=results.total != "none"),
        includes=tuple(results.includes),
        reverse=tuple(results.reverse),
        total=results.total,
        summary=results.summary,
        elements=results.elements,
        count_only=results.count_only,
        linked=state.reader.links > 0,
        numbered=has_number(where),
        warnings=tuple(state.warnings),
        parameters=tuple(state.used),
        page=results.page,
    )


def _parameter(state: _Parsing, name: str, value: str) -> None:
    code, _, modifier = name.partition(":")
    if code in RESULTS:
        state.results.read(code, modifier, value)
    elif name in _AS_USUAL and value == _AS_USUAL[name]:
        pass
    elif code in _UNSUPPORTED:
        raise BadRequest(f"The search parameter '{code}' is not supported by this server.", detail="search-not-supported")
    else:
        try:
            state.where.append(state.reader.node(state.entry, name, value))
        except UnknownParameter:
            if "." in name or code == "_has" or (state.strict and (state.every or not code.startswith("_"))):
                raise
            _ignore(state, name)
            return
    if code not in _NOT_SHOWN:
        state.used.append((name, value))


def _ignore(state: _Parsing, name: str) -> None:
    text = f"{state.entry.name} has no search parameter '{shown(name)}'; it was ignored."
    state.warnings.append(Issue("not-supported", text, severity="warning", detail="search-parameter-unknown"))


_NOT_SHOWN = frozenset({"_format", "_pretty", "_page"})
