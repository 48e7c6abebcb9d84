"""``Patient/{id}/$access-log``: who saw what, in plain words, as Parameters, as a page to print, or as a table.

Parameters: ``start`` and ``end`` (dates or instants), ``_count`` (entries a page has at least, if there are so many), ``_page``.
A page ends with a day, so that equal lines of a day are one entry; only a very busy day is told in parts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.audit.access_log import Entry, Words
from fhir_server.audit.paper import page, table
from fhir_server.audit.texts import texts
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.parameters import largest_page, next_link
from fhir_server.interactions.record_events import MOST, Lister
from fhir_server.interactions.record_reader import reader_of
from fhir_server.model.json import write
from fhir_server.model.meta import instant
from fhir_server.operations.paper import HEADERS, MEDIA, language_of, paper_of
from fhir_server.search.criteria import shown
from fhir_server.search.lines import LinePlace, Lines
from fhir_server.search.paging import Position
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.tree import And, Cursor, Date, Dossier, Node
from fhir_server.search.values import ZONE, DateError, span
from fhir_server.storage.repository import Logged
from profiles.operations import takes

_SHOWN: Final = ("who", "role", "organisation", "action", "data", "purpose", "basis", "outcome", "sources", "reason")
_KNOWN: Final = frozenset({*takes("access-log"), "_page", "_format", "_pretty"})
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,5}")
_AT_ONCE: Final = 200
_COUNT: Final = 50


@dataclass(frozen=True, slots=True)
class _Asked:
    """``where`` are the lines, ``count`` the entries of a page at least, ``parameters`` what a later page is asked with."""

    where: Node
    count: int
    parameters: tuple[tuple[str, str], ...]
    low: int = EARLIEST
    high: int = LATEST
    after: LinePlace | None = None


async def access_log(call: Call) -> Answer:
    """Answer what the caller may read of the record of this client, the newest first. Raises Forbidden, BadRequest."""
    reader = await reader_of(call, "search")
    call.touched.ask(f"Patient/{call.id}")
    asked = _asked(call)
    language = texts(language_of(call))
    labels = {name: entry.audit for name, entry in call.services.catalog.types.items()}
    words = Words(language, labels, ZONE)
    lister = Lister(call, reader)
    lines, following = await _lines(call, lister, words, asked)
    names = await lister.names(each for one in lines for each in (one.line.actor, one.line.organisation))
    entries = words.entries([(await lister.opened(each)).line for each in lines], names)
    paper = paper_of(call)
    headers: list[tuple[str, str]] = [("content-language", language.language)]
    if following:
        headers.append(("link", f'<{following}>; rel="next"'))
    if paper == "html":
        return Answer(200, page(entries, language, words, following).encode(), [*headers, *HEADERS], media=MEDIA[paper], keep=False)
    if paper == "csv":
        headers.append(("content-disposition", 'attachment; filename="access-log.csv"'))
        return Answer(200, table(entries, language, words).encode(), [*headers, *HEADERS], media=MEDIA[paper], keep=False)
    return Answer(200, write(_parameters(entries, following)), headers, keep=False)


def _asked(call: Call) -> _Asked:
    given = dict(call.parameters)
    for name in given:
        if name not in _KNOWN and not name.startswith("_"):
            text = f"'{shown(name)}' is no parameter of $access-log: there are start, end and _count."
            raise BadRequest(text, detail="search-parameter-unknown")
    if "_page" not in given:
        return _read(call, tuple((name, value) for name, value in call.parameters if name in {"start", "end", "_count"}))
    position = call.services.pager.open_(given["_page"], call.actor.view, _place(call), call.now)
    return replace(_read(call, position.parameters), after=LinePlace(int(position.cursor.sort), position.cursor.row))


def _read(call: Call, parameters: tuple[tuple[str, str], ...]) -> _Asked:
    parts: list[Node] = [Dossier((f"Patient/{call.id}",))]
    count, low, high = _COUNT, EARLIEST, LATEST
    for name, value in parameters:
        try:
            if name == "start":
                low = span(value).low
                parts.append(Date("date", "ge", low, low))
            elif name == "end":
                high = span(value).high
                parts.append(Date("date", "le", high, high))
        except DateError as error:
            raise BadRequest(f"'{name}' is no date: {error}.", detail="search-value") from error
        if name == "_count":
            if not _DIGITS.fullmatch(value):
                raise BadRequest("'_count' is not a whole number from 1 up.", detail="search-value")
            count = min(int(value), largest_page(call))
    return _Asked(And(tuple(parts)), count, parameters, low, high)


def _place(call: Call) -> str:
    return f"Patient/{call.id}/$access-log"


async def _lines(call: Call, lister: Lister, words: Words, asked: _Asked) -> tuple[list[Logged], str]:
    """Return the lines of a page, and the URL of the next one, "" when there is none."""
    found: list[Logged] = []
    client = f"Patient/{call.id}"
    kinds: set[tuple[Any, ...]] = set()
    after = asked.after
    while True:
        batch = await lister.lines(Lines(asked.where, _AT_ONCE, after=after))
        for each in batch:
            full = bool(found) and len(kinds) >= asked.count and words.day(each.line) != words.day(found[-1].line)
            if not asked.low <= each.line.recorded < asked.high or client not in lister.clients(each.line):
                continue
            if full or len(found) >= MOST:
                return found, _next(call, asked, found[-1])
            found.append(each)
            kinds.add((words.day(each.line), *each.line[1:5], each.line.type, each.line.purpose))
        if len(batch) < _AT_ONCE:
            return found, ""
        after = LinePlace(batch[-1].line.recorded, batch[-1].row)


def _next(call: Call, asked: _Asked, last: Logged) -> str:
    position = Position(_place(call), asked.parameters, Cursor(last.line.recorded, last.row))
    return next_link(call, position).url


def _parameters(entries: Sequence[Entry], following: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [{"name": "entry", "part": _parts(each)} for each in entries]
    if following:
        parameters.append({"name": "next", "valueUrl": following})
    return {"resourceType": "Parameters", "parameter": parameters} if parameters else {"resourceType": "Parameters"}


def _parts(entry: Entry) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"name": "date", "valueDate": entry.date},
        {"name": "first", "valueInstant": instant(entry.first)},
        {"name": "last", "valueInstant": instant(entry.last)},
        {"name": "count", "valuePositiveInt": entry.times},
        {"name": "emergency", "valueBoolean": entry.emergency},
    ]
    if entry.actor:
        parts.append({"name": "agent", "valueReference": {"reference": entry.actor}})
    told = entry._asdict()
    return parts + [{"name": name, "valueString": told[name]} for name in _SHOWN if told[name]]
