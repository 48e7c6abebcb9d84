"""What the server publishes about itself: profiles, value sets, naming systems and statements, the same for everybody.

They are files of ``profiles/``, read once and searched in memory; none of them is about anybody.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from fhir_server.catalog.catalog import Entry
from fhir_server.errors import NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.parameters import asked, next_link, self_link, warnings
from fhir_server.interactions.resolve import without_links
from fhir_server.interactions.subsets import of_search, shown
from fhir_server.model.body import OWN
from fhir_server.model.bundle import found, searchset
from fhir_server.model.json import read as read_json
from fhir_server.search.extract import extract
from fhir_server.search.match import holds
from fhir_server.search.order import Place, compare, in_order, places_of
from fhir_server.search.paging import Position
from fhir_server.search.rows import Indexed
from fhir_server.search.tree import Cursor, Query
from profiles.conformance import conformance


class _Published(NamedTuple):
    """A resource, its text, and the number by which it is told from others of its type."""

    row: int
    resource: Mapping[str, Any]
    body: bytes


def read(call: Call) -> Answer:
    """Answer one of them. Raises NotFound, and Forbidden where no scope of the caller names the type."""
    call.services.gate.require_scope(call.actor, "read", call.type)
    for each in _published(call.type):
        if each.resource["id"] == call.id:
            return Answer(200, shown(call, each.body), id=call.id)
    raise NotFound("No such resource. Check the type and the id.")


async def search(call: Call) -> Answer:
    """Answer a searchset of those that match."""
    call.services.gate.require_scope(call.actor, "search", call.type)
    wanted, position = asked(call)
    wanted, subset = of_search(call, wanted)
    wanted = await without_links(call, wanted)
    query = wanted.query
    matching = [each for each in _published(call.type) if holds(query.where, each.resource, call.entry, _index(call, each))]
    total = None if wanted.total == "none" else len(matching)
    if wanted.count_only:
        return Answer(200, searchset(warnings(wanted), [self_link(call, wanted)], len(matching)))
    left = _after(call, query, matching, position)
    page = left[: query.count]
    links = [self_link(call, wanted)]
    if len(left) > len(page):
        sort, *then = _place(call, query, page[-1])[0]
        end = Position(call.place, wanted.parameters, Cursor(sort, page[-1].row, tuple(then)), None, total)
        links.append(next_link(call, end))
    each_shown = [(call.type, each.resource["id"], subset.of(each.body, call.type)) for each in page]
    return Answer(200, searchset([*found(call.services.base, each_shown, "match"), *warnings(wanted)], links, total))


def _after(call: Call, query: Query, matching: Sequence[_Published], position: Position | None) -> list[_Published]:
    """Return ``matching`` in order, from where the last page ended."""
    key = in_order(query.sort)
    ordered = sorted(matching, key=lambda each: key(_place(call, query, each)))
    if position is None:
        return ordered
    last = position.cursor.values, position.cursor.row
    return [each for each in ordered if compare(query.sort, _place(call, query, each), last) > 0]


def _place(call: Call, query: Query, each: _Published) -> Place:
    return places_of(each.resource, query.sort, call.entry, _index(call, each)), each.row


def _index(call: Call, each: _Published) -> Indexed:
    return _indexed(call.entry, call.services.base)[each.row]


_made: dict[tuple[str, str], tuple[Entry, tuple[Indexed, ...]]] = {}


def _indexed(entry: Entry, base: str) -> tuple[Indexed, ...]:
    """Return the index rows of all that is published of a type: they change only with what can be searched by."""
    made = _made.get((entry.name, base))
    if made is None or made[0] is not entry:
        made = entry, tuple(extract(each.resource, entry, base) for each in _published(entry.name))
        _made[entry.name, base] = made
    return made[1]


@cache
def _published(type_: str) -> tuple[_Published, ...]:
    texts = conformance().get(type_, {})
    return tuple(_Published(row, read_json(text, OWN).resource, text) for row, text in enumerate(texts.values()))
