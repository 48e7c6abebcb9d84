"""Searching AuditEvent: the lines of the record, and the AuditEvents that clients sent (receipts), in one list by date.

The two stay apart: lines alone have the ``meta.source`` of the record and ids of the form "log.CHAIN.SEQ"; nobody can send those.
"""

from dataclasses import replace
from typing import Final

from fhir_server.errors import BadRequest, Issue, TooCostly
from fhir_server.interactions.bsn import with_sealed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.page_entries import beside, entries_of
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.record_events import Events, Lister
from fhir_server.interactions.record_reader import reader_of
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.subsets import of_search
from fhir_server.model.bundle import Link, outcome, searchset
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.search.lines import LinePlace, Lines
from fhir_server.search.paging import Position
from fhir_server.search.search import Search
from fhir_server.search.tree import Cursor, Query
from fhir_server.storage.repository import Grant, Page, Stored

_MOST_COUNTED: Final = 50_000
_NONE: Final = -1
_SORTED: Final = frozenset({"main", "_lastUpdated"})
BOUNDED: Final = Issue(
    "incomplete",
    "So many lines of the record were looked at that this page ends here; the 'next' link goes on. Add patient, agent or date.",
    severity="warning",
    detail="record-bounded",
)


async def search(call: Call) -> Answer:
    """Answer a searchset of what matches among the lines and the receipts that the caller may see, newest first by default."""
    reader = await reader_of(call, "search-type")
    grant = call.services.gate.grant(call.actor, "search-type", call.type)
    wanted, position = asked(call)
    call.touched.criteria(call.type, wanted.query.where)
    wanted, subset = of_search(call, wanted)
    wanted = await without_links(call, with_sealed(call, wanted))
    if wanted.query.sort.by not in _SORTED or wanted.query.sort.then:
        raise BadRequest("AuditEvent can be sorted by: date, -date, _lastUpdated, -_lastUpdated.", detail="search-sort")
    lister = Lister(call, reader)
    if wanted.count_only:
        number = await _count(call, lister, grant, wanted.query)
        return Answer(200, searchset(warnings(wanted), [self_link(call, wanted)], number))
    page = await _page(call, lister, grant, wanted.query, position)
    entries = entries_of(call, page.resources, subset, "match")
    entries += await beside(call, wanted, page.resources, subset)
    entries += [outcome(write(operation_outcome([BOUNDED])))] if page.bounded else []
    total = await _total(call, lister, grant, wanted, page, position)
    links = [self_link(call, wanted), *_next(call, wanted, page, total)]
    return Answer(200, searchset([*entries, *warnings(wanted)], links, total))


class _Merged:
    """One page out of lines and receipts; ``end`` is where both were left, None on the last page."""

    def __init__(self, lines: Events, receipts: Page, query: Query, position: Position | None) -> None:
        resources = sorted([*lines.resources, *receipts.resources], key=_date, reverse=query.sort.descending)
        if lines.bounded and lines.end is not None:
            # What comes after the place where the lines were left has to wait for them.
            last = lines.end.recorded
            sign = 1 if query.sort.descending else -1
            resources = [each for each in resources if sign * int(each.sort) >= sign * last]
        self.resources = resources[: query.count]
        self.bounded = lines.bounded
        shown = set(map(id, self.resources))
        used_lines = [each for each in lines.resources if id(each) in shown]
        used_receipts = [each for each in receipts.resources if id(each) in shown]
        left = len(used_lines) < len(lines.resources) or len(used_receipts) < len(receipts.resources)
        self.end = _end(lines, used_lines, used_receipts, position) if left or lines.more or receipts.more else None


def _end(lines: Events, used: list[Stored], receipts: list[Stored], position: Position | None) -> Cursor:
    if len(used) == len(lines.resources) and lines.end is not None:
        line = lines.end
    elif used:
        line = LinePlace(used[-1].updated, used[-1].row)
    else:
        line = _line_place(position) or LinePlace(_NONE, _NONE)
    receipt = receipts[-1].cursor if receipts else _receipt_cursor(position) or Cursor(_NONE, _NONE)
    return Cursor(receipt.sort, receipt.row, tuple(line))


def _date(stored: Stored) -> tuple[int, int]:
    return int(stored.sort), stored.row


def _line_place(position: Position | None) -> LinePlace | None:
    if position is None:
        return None
    recorded, row = (int(each) for each in position.cursor.then)
    return None if row == _NONE else LinePlace(recorded, row)


def _receipt_cursor(position: Position | None) -> Cursor | None:
    if position is None or position.cursor.row == _NONE:
        return None
    return Cursor(position.cursor.sort, position.cursor.row)


async def _page(call: Call, lister: Lister, grant: Grant, query: Query, position: Position | None) -> _Merged:
    asked_lines = Lines(query.where, query.count, query.sort.descending, _line_place(position))
    lines = await lister.page(asked_lines)
    stored = await call.services.repository.search(grant, replace(query, after=_receipt_cursor(position)))
    call.touched.find(stored.resources)
    return _Merged(lines, stored, query, position)


async def _count(call: Call, lister: Lister, grant: Grant, query: Query) -> int:
    lines = await lister.page(Lines(query.where, _MOST_COUNTED), _MOST_COUNTED)
    if lines.more:
        raise TooCostly(f"There are more than {_MOST_COUNTED:,} lines to count. Add patient, agent or date.")
    return len(lines.resources) + await call.services.repository.count(grant, query)


async def _total(call: Call, lister: Lister, grant: Grant, wanted: Search, page: _Merged, position: Position | None) -> int | None:
    if wanted.total == "none":
        return None
    if position is None and page.end is None:
        return len(page.resources)
    if wanted.total == "accurate":
        return await _count(call, lister, grant, wanted.query)
    return position.total if position else None


def _next(call: Call, wanted: Search, page: _Merged, total: int | None) -> list[Link]:
    if page.end is None:
        return []
    return [next_link(call, Position(call.place, wanted.parameters, page.end, None, total))]
