"""The tables to which many rows are written by one statement: a column is one parameter, an array.

The rows of a table go in the order of its key, so that neighbours are written to the same page one after another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_server.storage import consent_rows
from fhir_server.storage.engines.postgres_arrays import bigints, blobs, booleans, texts
from fhir_server.storage.engines.postgres_session import Parameter, Statement

_ARRAYS: Final[dict[str, Callable[[Sequence[Any]], bytes]]] = {
    "bigint": bigints,
    "boolean": booleans,
    "text": texts,
    "bytea": blobs,
}
_Rows = Sequence[Sequence[Any]]


class Table:
    """A table, or some columns of it."""

    def __init__(self, name: str, columns: Mapping[str, str], others: Mapping[str, str] | None = None, end: str = "") -> None:
        """Write ``columns``, which have these types, and what stands in ``others``; ``end`` ends an INSERT."""
        more = others or {}
        self._types = tuple(columns.values())
        given = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(columns.values(), 1))
        names, values = ", ".join((*columns, *more)), ", ".join((*(f"u.{each}" for each in columns), *more.values()))
        source = f"unnest({given}) WITH ORDINALITY u ({', '.join(columns)}, nth) ORDER BY u.nth"
        self._insert = f"INSERT INTO {name} ({names}) SELECT {values} FROM {source}"
        self._end, self._known = f" {end}", " ON CONFLICT DO NOTHING"
        same = " AND ".join(f"t.{each} = u.{each}" for each in columns)
        # The fence leaves the planner no other way than to find each row by the whole of its key.
        found = f"LATERAL (SELECT t.ctid FROM {name} t WHERE {same} OFFSET 0) f"
        self._delete = (
            f"DELETE FROM {name} i USING unnest({given}) u ({', '.join(columns)}) CROSS JOIN {found} WHERE i.ctid = f.ctid"
        )

    def insert(self, rows: _Rows) -> Statement:
        """Return the statement that inserts ``rows``, in their order."""
        return self._insert + self._end, arrays(self._types, rows)

    def add(self, rows: _Rows) -> Statement:
        """Return the statement that inserts those of ``rows`` that are not there yet."""
        return self._insert + self._known, arrays(self._types, rows)

    def delete(self, rows: _Rows) -> Statement:
        """Return the statement that deletes ``rows``, of which the columns are a key."""
        return self._delete, arrays(self._types, rows)


def arrays(types: Iterable[str], rows: _Rows) -> list[Parameter]:
    """Return the columns, of these types, of ``rows``, of which there is one at least."""
    return [_ARRAYS[type_](column) for type_, column in zip(types, zip(*rows, strict=True), strict=True)]


def numbers(*names: str) -> dict[str, str]:
    """Return columns of whole numbers."""
    return dict.fromkeys(names, "bigint")


IDX: Final = Table("idx", numbers("key", "sort", "row", "high"))
DATE: Final = Table("idx_date", numbers("key", "row", "low", "high"))
TEXT: Final = Table("idx_text", {"key": "bigint", "start": "text", "row": "bigint", "mark": "bigint", "rest": "text"})
TEXT_KEY: Final = Table("idx_text", {"key": "bigint", "start": "text", "row": "bigint", "mark": "bigint"})
ORDER: Final = Table("idx_order", {"row": "bigint", "key": "bigint", "start": "text"})
MEMBER: Final = Table("membership", numbers("member", "dossier", "starts", "ends", "through", "row"))
CIRCLE: Final = Table(
    "circle",
    numbers("circle", "member", "alone", "dossier", "row"),
    end="ON CONFLICT (circle, member) DO UPDATE SET alone = excluded.alone, dossier = excluded.dossier",
)
RULE: Final = Table(
    "consent_rule",
    {name: "text" if name in consent_rows.TEXTS else "bigint" for name in consent_rows.COLUMNS} | numbers("row"),
)
EVENT: Final = Table("event", {"type": "text", "id": "text", "version": "bigint", "updated": "bigint"})
