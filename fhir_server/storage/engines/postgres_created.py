"""Many new resources in a few statements, each for a whole table: what ``postgres_text.CREATE`` does for one of them.

The rows of a table go in the order of its key, so that neighbours are written to the same page one after another.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.catalog.announced import announced
from fhir_server.storage import consent_rows
from fhir_server.storage.delta import Delta
from fhir_server.storage.engines.postgres_arrays import bigints, blobs, texts
from fhir_server.storage.engines.postgres_session import Parameter, Session, Statement
from fhir_server.storage.repository import Change, VersionConflict

LEAST: Final = 8
"""So many are worth it: with fewer, one statement for each is as fast."""
_ARRAYS: Final[dict[str, Callable[[Sequence[Any]], bytes]]] = {"bigint": bigints, "text": texts, "bytea": blobs}
_ANNOUNCED: Final = frozenset(announced().all)


class Prepared(NamedTuple):
    """A change, its rows and its packed body."""

    change: Change
    rows: Delta
    body: bytes


class _Table(NamedTuple):
    """What is inserted into a table: ``columns`` with their types, ``others`` with what stands there."""

    name: str
    columns: dict[str, str]
    others: dict[str, str]
    end: str = ""

    def statement(self, rows: Sequence[Sequence[Any]]) -> Statement:
        """Return the statement that inserts ``rows``, in their order."""
        given = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(self.columns.values(), 1))
        names, values = ", ".join((*self.columns, *self.others)), ", ".join((*self._values, *self.others.values()))
        source = f"unnest({given}) WITH ORDINALITY u ({', '.join(self.columns)}, nth) ORDER BY u.nth"
        parameters: list[Parameter] = [
            _ARRAYS[type_](column) for type_, column in zip(self.columns.values(), zip(*rows, strict=True), strict=True)
        ]
        return f"INSERT INTO {self.name} ({names}) SELECT {values} FROM {source} {self.end}", parameters

    @property
    def _values(self) -> Iterable[str]:
        return (f"u.{column}" for column in self.columns)


def _numbers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "bigint")


_RESOURCE = _Table(
    "resource",
    _numbers("self", "updated", "sort", "dossier", "circle") | {"type": "text", "id": "text", "body": "bytea"},
    {"version": "1", "deleted": "false", "written": "pg_current_xact_id()::text::bigint"},
    "ON CONFLICT (self) DO NOTHING RETURNING self, row",
)
_IDX = _Table("idx", _numbers("key", "sort", "row", "high"), {})
_DATE = _Table("idx_date", _numbers("key", "row", "low", "high"), {})
_TEXT = _Table("idx_text", {"key": "bigint", "start": "text", "row": "bigint", "mark": "bigint", "rest": "text"}, {})
_ORDER = _Table("idx_order", {"row": "bigint", "key": "bigint", "start": "text"}, {})
_MEMBER = _Table("membership", _numbers("member", "dossier", "starts", "ends", "through", "row"), {})
_CIRCLE = _Table(
    "circle",
    _numbers("circle", "member", "alone", "dossier", "row"),
    {},
    "ON CONFLICT (circle, member) DO UPDATE SET alone = excluded.alone, dossier = excluded.dossier",
)
_RULE = _Table(
    "consent_rule",
    {name: "text" if name in consent_rows.TEXTS else "bigint" for name in consent_rows.COLUMNS} | _numbers("row"),
    {},
)
_EVENT = _Table("event", {"type": "text", "id": "text", "updated": "bigint"}, {"version": "1"})


async def create(session: Session, new: Sequence[Prepared]) -> None:
    """Write all of ``new`` in the transaction that is open; raises VersionConflict when one of them is there already."""
    rows: dict[int, int] = dict(await session.rows(*_RESOURCE.statement([_resource(*each) for each in new])))
    if len(rows) < len(new):
        raise _overtaken(new, rows)
    await session.together([table.statement(content) for table, content in _content(new, rows) if content])


def _resource(change: Change, rows: Delta, body: bytes) -> tuple[Any, ...]:
    return (rows.self, change.updated, rows.sort, rows.dossier, rows.circle, change.type, change.id, body)


def _overtaken(new: Sequence[Prepared], stored: dict[int, int]) -> VersionConflict:
    """Tell of the first one that was not stored, because it was there or because it came twice."""
    seen: set[int] = set()
    for change, rows, _ in new:
        if rows.self not in stored or rows.self in seen:
            return VersionConflict(f"{change.type}: the stored version is not 0", change.reference)
        seen.add(rows.self)
    raise AssertionError("fewer rows came back than resources are new")


def _content(new: Sequence[Prepared], rows: dict[int, int]) -> Iterable[tuple[_Table, list[tuple[Any, ...]]]]:
    both = [(each.rows, rows[each.rows.self]) for each in new]
    yield _IDX, sorted((key, sort, row, high) for each, row in both for key, sort, high in each.added)
    yield _DATE, sorted((key, row, low, high) for each, row in both for key, low, high in each.dates_added)
    yield _TEXT, sorted((key, start, row, mark, rest) for each, row in both for key, start, mark, rest in each.texts_added)
    yield _ORDER, sorted((row, *order) for each, row in both for order in each.orders_added)
    yield _MEMBER, sorted((*member, row) for each, row in both for member in each.members)
    yield _CIRCLE, sorted((*member, row) for each, row in both for member in each.circle_members)
    yield _RULE, [(*rule, row) for each, row in both for rule in each.rules]
    yield _EVENT, [(each.type, each.id, each.updated) for each in (one.change for one in new) if each.type in _ANNOUNCED]
