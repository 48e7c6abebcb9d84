"""Many new versions in a few statements, each for a whole table: what ``postgres_text.UPDATE`` does for one of them.

A message makes a new version of the Task of everybody in its thread. The statement for one has a part for whatever a version can
have, and most of its cost is to begin all these parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fhir_server.storage.delta import KEEP, Delta
from fhir_server.storage.engines.postgres_arrays import bigints
from fhir_server.storage.engines.postgres_created import Prepared, events, index, overtaken
from fhir_server.storage.engines.postgres_session import Row, Statement
from fhir_server.storage.engines.postgres_tables import CIRCLE, DATE, EVENT, IDX, ORDER, TEXT_KEY, Table, arrays


def is_plain(one: Prepared) -> bool:
    """Tell whether ``one`` can be among those written together: a new version, of what was there, without memberships and rules."""
    follows = one.change.expected > 0 and one.change.indexed is not None and not one.change.put
    return follows and not (one.rows.members or one.rows.rules)


def statements(changed: Sequence[Prepared], rows: Mapping[int, int]) -> list[Statement]:
    """Return what writes ``changed`` in the transaction that is open, in which their ``rows`` by key are locked.

    The first one returns the key of each that followed the version expected: ``require`` looks at them.
    """
    both = [(each, rows[each.rows.self]) for each in changed]
    content = [
        (row, one.change.expected, one.change.updated, one.rows.sort, one.rows.dossier, one.rows.circle, one.body)
        for one, row in both
    ]
    there = bigints([row for _, row in both])
    return [
        (_REPLACE, arrays(_TYPES, content)),
        *((sql, (there,)) for sql in _GONE),
        *_index([(one.rows, row) for one, row in both]),
        *_circles(both),
        *([EVENT.insert(told)] if (told := events(changed)) else ()),
    ]


def require(changed: Sequence[Prepared], written: Sequence[Row]) -> None:
    """Raise VersionConflict unless all of ``changed`` were ``written``, the rows that the first statement returned."""
    if len(written) < len(changed):
        raise overtaken(changed, dict.fromkeys(self_ for (self_,) in written))


def _index(both: Sequence[tuple[Delta, int]]) -> Iterable[Statement]:
    """Delete what is in the index no more, then insert what is not there yet, which a reindex may have written already."""
    gone: tuple[tuple[Table, list[tuple[Any, ...]]], ...] = (
        (IDX, sorted((key, sort, row, high) for each, row in both for key, sort, high in each.gone)),
        (DATE, sorted((key, row, low, high) for each, row in both for key, low, high in each.dates_gone)),
        (TEXT_KEY, sorted((key, start, row, mark) for each, row in both for key, start, mark, _ in each.texts_gone)),
        (ORDER, sorted((row, *order) for each, row in both for order in each.orders_gone)),
    )
    yield from (table.delete(content) for table, content in gone if content)
    yield from (table.add(content) for table, content in index(both) if content)


def _circles(both: Sequence[tuple[Prepared, int]]) -> Iterable[Statement]:
    """Write who stands in the circles that the new versions make, which nearly always are those who stood there."""
    members = sorted((*member, row) for one, row in both for member in one.rows.circle_members)
    made = bigints([one.rows.self for one, _ in both])
    circles, standing, alone, dossiers = (bigints([each[place] for each in members]) for place in range(4))
    yield _OUT_OF_CIRCLE, (made, circles, standing, alone, dossiers)
    if members:
        yield CIRCLE.add(members)


_NUMBERS: Final = ("row", "expected", "updated", "sort", "dossier", "circle")
_TYPES: Final = (*("bigint" for _ in _NUMBERS), "bytea")
_GIVEN: Final = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(_TYPES, 1))
_REPLACE: Final = f"""WITH u AS MATERIALIZED (SELECT * FROM unnest({_GIVEN}) u ({", ".join(_NUMBERS)}, body)),
  kept AS (INSERT INTO history (row, version, type, updated, deleted, put, written, body)
    SELECT r.row, r.version, r.type, r.updated, r.deleted, r.put, r.written, r.body
    FROM u JOIN resource r ON r.row = u.row AND r.version = u.expected
    ON CONFLICT DO NOTHING)
UPDATE resource r SET version = r.version + 1, updated = u.updated, deleted = false, put = false, sort = u.sort, circle = u.circle,
  body = u.body, written = pg_current_xact_id()::text::bigint,
  dossier = CASE u.dossier WHEN {KEEP} THEN r.dossier ELSE u.dossier END
FROM u WHERE r.row = u.row AND r.version = u.expected RETURNING r.self"""
_GONE: Final = ("DELETE FROM consent_rule WHERE row = ANY($1::bigint[])", "DELETE FROM membership WHERE row = ANY($1::bigint[])")
_OUT_OF_CIRCLE: Final = """DELETE FROM circle c USING unnest($1::bigint[]) made WHERE c.circle = made AND NOT EXISTS (
  SELECT 1 FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) u (circle, member, alone, dossier)
  WHERE u.circle = c.circle AND u.member = c.member AND u.alone = c.alone AND u.dossier = c.dossier)"""
