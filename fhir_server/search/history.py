"""The parameters of a history (https://hl7.org/fhir/R4/http.html#history): ``_since``, ``_at``, ``_count``, and those of paging."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fhir_server.errors import BadRequest
from fhir_server.search.results import COUNT
from fhir_server.search.values import DateError, Range, span
from fhir_server.search.versions import Versions

_DIGITS = re.compile(r"[0-9]{1,9}")
_KNOWN: Final = ("_at", "_count", "_since")
_SHAPING: Final = ("_elements", "_summary")
_REFUSED: Final = frozenset({"_filter", "_list", "_sort", "_type"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request asks of a history: which versions, or their number alone (``count_only``).

    ``parameters`` are those that chose them or say what of each is shown, ``page`` is the token of ``_page``.
    """

    versions: Versions
    count_only: bool = False
    parameters: tuple[tuple[str, str], ...] = field(default=())
    page: str = ""


def read(versions: Versions, parameters: Sequence[tuple[str, str]], *, limit: int, strict: bool = True) -> Wanted:
    """Return ``versions`` narrowed by the decoded ``parameters``, at most ``limit`` a page.

    ``strict``: an unknown parameter is refused; one that begins with "_" and narrows nothing is left aside. Raises BadRequest.
    """
    wanted = Wanted(replace(versions, count=min(COUNT, limit)))
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen:
            raise BadRequest(f"'{name}' is given twice; give it once.", detail="search-value")
        if name in _KNOWN:
            seen.add(name)
            wanted = replace(_narrowed(wanted, name, value, limit), parameters=(*wanted.parameters, (name, value)))
        elif name == "_page":
            wanted = replace(wanted, page=value)
        elif name in _SHAPING:
            seen.add(name)
            count_only = wanted.count_only or (name, value) == ("_summary", "count")
            wanted = replace(wanted, count_only=count_only, parameters=(*wanted.parameters, (name, value)))
        elif name in _REFUSED or (strict and not name.startswith("_")):
            raise BadRequest(f"A history has the parameters {', '.join(_KNOWN)}, and no other.", detail="search-parameter-unknown")
    return wanted


def _narrowed(wanted: Wanted, name: str, value: str, limit: int) -> Wanted:
    if name == "_count":
        return _counted(wanted, value, limit)
    found = _moment(name, value)
    if name == "_since":
        return replace(wanted, versions=replace(wanted.versions, since=found.low))
    return replace(wanted, versions=replace(wanted.versions, at=(found.low, found.high)))


def _counted(wanted: Wanted, value: str, limit: int) -> Wanted:
    if _DIGITS.fullmatch(value) is None:
        raise BadRequest("'_count' is not a whole number from 0 up.", detail="search-value")
    count = min(int(value), limit)
    return replace(wanted, versions=replace(wanted.versions, count=count), count_only=wanted.count_only or count == 0)


def _moment(name: str, value: str) -> Range:
    try:
        return span(value)
    except DateError as error:
        raise BadRequest(f"The value of '{name}' is no date or instant: {error}.", detail="search-value") from None
