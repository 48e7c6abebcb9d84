"""What searches and histories share: how parameters are read, the self link, the warnings."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from urllib.parse import quote

from fhir_server.interactions.call import Call
from fhir_server.interactions.collected import Collected
from fhir_server.interactions.prefer import preferences
from fhir_server.model.bundle import Link, outcome
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.search.compartment import within
from fhir_server.search.paging import Position
from fhir_server.search.parse import parse
from fhir_server.search.sealed import without_numbers
from fhir_server.search.search import Search
from fhir_server.search.tree import And, Node

_PLAIN = re.compile(r"[A-Za-z0-9_.~:,/|-]*")
_LARGEST_PAGE = 100
_LARGEST_PAGE_OF_SYSTEM = 1000


def asked(call: Call) -> tuple[Search, Position | None]:
    """Read the parameters, of the request or of the page token in it, and where the page begins; raises BadRequest."""
    wanted = _parse(call, call.parameters, in_url=in_url(call))
    if not wanted.page:
        return wanted, None
    position = call.services.pager.open_(wanted.page, call.actor.view, call.place, call.now)
    # They were read before, and stand in the URL only sealed: a BSN among them is no reason to refuse.
    return _parse(call, position.parameters, in_url=False), position


def _parse(call: Call, parameters: Sequence[tuple[str, str]], *, in_url: bool) -> Search:
    strict, every, limit = is_strict(call), _asks_for_strict(call), largest_page(call)
    place = (call.type, call.within, strict, every, limit, in_url, call.collected and call.collected.fixed, *parameters)
    read = partial(_read, call, parameters, strict=strict, every=every, limit=limit, in_url=in_url)
    if any(name == "_page" for name, _ in parameters):
        return read()  # each token is used once
    return call.services.parsed.get(call.services.catalog.types, place, read)


def _read(call: Call, parameters: Sequence[tuple[str, str]], *, strict: bool, every: bool, limit: int, in_url: bool) -> Search:
    wanted = parse(
        call.entry,
        parameters,
        strict=strict,
        every=every,
        base=call.services.base + "/",
        limit=limit,
        in_url=in_url,
        catalog=call.services.catalog,
    )
    if call.collected:
        wanted = _collected(call, wanted, call.collected, limit)
    return _narrowed(wanted, within(call.entry, call.within)) if call.within else wanted


def _collected(call: Call, wanted: Search, collected: Collected, limit: int) -> Search:
    """Return ``wanted`` with all of it on one page, unless the PGO wants less, and with what its service is narrowed to."""
    if not any(name == "_count" for name, _ in wanted.parameters):
        wanted = replace(wanted, query=replace(wanted.query, count=limit))
    if not collected.fixed:
        return wanted
    return _narrowed(wanted, parse(call.entry, collected.fixed, catalog=call.services.catalog).query.where)


def _narrowed(wanted: Search, node: Node) -> Search:
    where = wanted.query.where
    parts = where.parts if isinstance(where, And) else (where,)
    return replace(wanted, query=replace(wanted.query, where=And((node, *parts))))


def in_url(call: Call) -> bool:
    """Tell whether the parameters stand where no BSN may."""
    return not call.posted and call.services.bsn_in_url == "refuse"


def is_strict(call: Call) -> bool:
    """Tell whether an unknown parameter is refused (https://hl7.org/fhir/R4/search.html#errors)."""
    return "prefer" not in call.headers or preferences(call.headers.get("prefer")).get("handling") != "lenient"


def _asks_for_strict(call: Call) -> bool:
    """Tell whether the client itself wants to hear of every parameter that is not understood."""
    return "prefer" in call.headers and preferences(call.headers.get("prefer")).get("handling") == "strict"


def largest_page(call: Call) -> int:
    """Return how many resources one page holds at most."""
    return _LARGEST_PAGE_OF_SYSTEM if call.actor.role == "system" or call.collected else _LARGEST_PAGE


def warnings(wanted: Search) -> list[bytes]:
    """Return the entry that tells what was ignored in the search; none when nothing was."""
    return [outcome(write(operation_outcome(wanted.warnings)))] if wanted.warnings else []


def self_link(call: Call, wanted: Search) -> Link:
    """Return the self link; without parameters when the search was posted: their values may identify a person.

    That of a later page holds its token.
    """
    url = f"{call.services.base}/{call.place}"
    pages = [(name, token) for name, token in call.parameters if name == "_page"]
    shown = pages or (() if call.posted else without_numbers(wanted.parameters))
    return Link("self", _known_address(url, tuple(shown)))


def next_link(call: Call, position: Position) -> Link:
    """Return the link to the page after ``position``, which nobody but the caller can follow and nobody can read."""
    token = call.services.pager.seal(position, call.actor.view, call.now)
    return Link("next", f"{call.services.base}/{position.path}?_page={token}")


def address(url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return ``url`` with ``parameters``, percent-encoded where they must be."""
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in parameters)
    return f"{url}?{query}" if query else url


_known_address = lru_cache(maxsize=1024)(address)


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=":,/|")
