"""Which part of each resource an answer shows, as the parameters of a request say."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import WHOLE_SYSTEM, Call
from fhir_server.interactions.parameters import is_strict
from fhir_server.search.results import Results
from fhir_server.search.search import Search
from fhir_server.search.subset import Subset, subset_of

_WHOLE = Subset()
_SHAPING = frozenset({"_elements", "_summary"})


def of_search(call: Call, wanted: Search) -> tuple[Search, Subset]:
    """Return the subset that a search asks for, and the search with a warning about what was ignored of it; raises BadRequest."""
    if wanted.summary == "text" and (wanted.includes or wanted.reverse):
        raise BadRequest("'_summary=text' is not given together with '_include' or '_revinclude'.", detail="search-value")
    if wanted.summary in {"", "count"} and not wanted.elements:
        return wanted, _WHOLE
    found = subset_of(_types(call), wanted.summary, wanted.elements, strict=is_strict(call))
    return (replace(wanted, warnings=(*wanted.warnings, *found.ignored)) if found.ignored else wanted), found


def of_request(call: Call, parameters: Sequence[tuple[str, str]]) -> Subset:
    """Return the subset that a read or a history asks for; raises BadRequest."""
    shaping = [each for each in parameters if each[0] in _SHAPING]
    return _read(shaping, _types(call), strict=is_strict(call)) if shaping else _WHOLE


def shown(call: Call, body: bytes) -> bytes:
    """Return what a read shows of the resource ``body``; raises BadRequest."""
    return one(body, call.type, call.parameters, strict=is_strict(call)) if call.parameters else body


def one(body: bytes, type_: str, parameters: Sequence[tuple[str, str]], *, strict: bool = True) -> bytes:
    """Return what ``parameters`` ask to be shown of the one resource ``body``; raises BadRequest."""
    shaping = [each for each in parameters if each[0] in _SHAPING]
    if not shaping:
        return body
    if ("_summary", "count") in shaping:
        raise BadRequest("'_summary=count' counts what a search or a history finds; a read finds one.", detail="search-value")
    return _read(shaping, [type_], strict=strict).of(body, type_)


def _read(shaping: Sequence[tuple[str, str]], types: Sequence[str], *, strict: bool) -> Subset:
    results = Results(WHOLE_SYSTEM, limit=0)
    for name, value in shaping:
        results.read(name, "", value)
    return subset_of(types, results.summary, results.elements, strict=strict)


def _types(call: Call) -> Sequence[str]:
    return [call.type] if call.type else list(call.services.catalog.types)
