"""Many new resources in a few statements, each for a whole table: what ``postgres_text.CREATE`` does for one of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.catalog.announced import announced
from fhir_server.storage.delta import Delta
from fhir_server.storage.engines.postgres_session import Session
from fhir_server.storage.engines.postgres_tables import CIRCLE, DATE, EVENT, IDX, MEMBER, ORDER, RULE, TEXT, Table, numbers
from fhir_server.storage.repository import Change, VersionConflict

LEAST: Final = 8
"""So many are worth it: with fewer, one statement for each is as fast."""
_ANNOUNCED: Final = frozenset(announced().all)


class Prepared(NamedTuple):
    """A change, its rows and its packed body."""

    change: Change
    rows: Delta
    body: bytes


_RESOURCE = Table(
    "resource",
    numbers("self", "updated", "sort", "dossier", "circle") | {"put": "boolean", "type": "text", "id": "text", "body": "bytea"},
    {"version": "1", "deleted": "false", "written": "pg_current_xact_id()::text::bigint"},
    "ON CONFLICT (self) DO NOTHING RETURNING self, row",
)


async def create(session: Session, new: Sequence[Prepared]) -> None:
    """Write all of ``new`` in the transaction that is open; raises VersionConflict when one of them is there already."""
    rows: dict[int, int] = dict(await session.rows(*_RESOURCE.insert([_resource(*each) for each in new])))
    if len(rows) < len(new):
        raise overtaken(new, rows)
    await session.together([table.insert(content) for table, content in _content(new, rows) if content])


def _resource(change: Change, rows: Delta, body: bytes) -> tuple[Any, ...]:
    return (rows.self, change.updated, rows.sort, rows.dossier, rows.circle, change.put, change.type, change.id, body)


def overtaken(written: Sequence[Prepared], stored: Mapping[int, object]) -> VersionConflict:
    """Tell of the first of ``written`` that was not ``stored`` (by its key), because of what is there or because it came twice."""
    seen: set[int] = set()
    for change, rows, _ in written:
        if rows.self not in stored or rows.self in seen:
            return VersionConflict(f"{change.type}: the stored version is not {change.expected}", change.reference)
        seen.add(rows.self)
    raise AssertionError("fewer rows came back than resources were written")


def events(written: Sequence[Prepared]) -> list[tuple[Any, ...]]:
    """Return the rows of EVENT that tell of ``written``."""
    changes = [one.change for one in written]
    return [(each.type, each.id, each.expected + 1, each.updated) for each in changes if each.type in _ANNOUNCED]


def index(both: Sequence[tuple[Delta, int]]) -> Iterable[tuple[Table, list[tuple[Any, ...]]]]:
    """Yield the tables of the index with what is added to them by changes, each of which comes with the row of its resource."""
    yield IDX, sorted((key, sort, row, high) for each, row in both for key, sort, high in each.added)
    yield DATE, sorted((key, row, low, high) for each, row in both for key, low, high in each.dates_added)
    yield TEXT, sorted((key, start, row, mark, rest) for each, row in both for key, start, mark, rest in each.texts_added)
    yield ORDER, sorted((row, *order) for each, row in both for order in each.orders_added)


def _content(new: Sequence[Prepared], rows: Mapping[int, int]) -> Iterable[tuple[Table, list[tuple[Any, ...]]]]:
    both = [(each.rows, rows[each.rows.self]) for each in new]
    yield from index(both)
    yield MEMBER, sorted((*member, row) for each, row in both for member in each.members)
    yield CIRCLE, sorted((*member, row) for each, row in both for member in each.circle_members)
    yield RULE, [(*rule, row) for each, row in both for rule in each.rules]
    yield EVENT, events(new)
