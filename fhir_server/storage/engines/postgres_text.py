"""The statements that write to PostgreSQL: one per change, with the index rows as arrays.

Parameters travel as text and get their type from the statement, so that one text is one prepared statement whatever the values.
"""

from collections.abc import Iterable, Sequence

import orjson

from fhir_server.catalog.announced import announced
from fhir_server.search.rows import OrderRow
from fhir_server.storage import consent_rows
from fhir_server.storage.delta import KEEP, Delta
from fhir_server.storage.engines import postgres_journal as journal
from fhir_server.storage.engines.postgres_session import Parameter
from fhir_server.storage.journal.chain import Block
from fhir_server.storage.repository import Change
from fhir_server.storage.shape import Value
from fhir_server.storage.texts import StoredText


def _recorded(number: int) -> str:
    """Return the part of WITH that appends a block of the record, if any: its chain is $9, the rest begins at ``number``."""
    values = ", ".join(f"${place}" for place in (9, *range(number, number + 5)))
    condition = f"WHERE EXISTS (SELECT 1 FROM written) AND ${number}::bigint > 0"
    return f"recorded AS (INSERT INTO audit_block (chain, number, first, last, hash, lines) SELECT {values} {condition})"


def _gone(name: str, table: str, rows: str, columns: str) -> str:
    """Delete ``rows`` of the written resource, each found by its whole key: the fence leaves the planner no other way."""
    same = " AND ".join(f"t.{column} = u.{column}" for column in columns.split())
    found = f"LATERAL (SELECT t.ctid FROM {table} t WHERE {same} AND t.row = written.row OFFSET 0) f"
    return f"  {name} AS (DELETE FROM {table} i USING written CROSS JOIN {rows} CROSS JOIN {found} WHERE i.ctid = f.ctid),"


_TEXTS_GONE = 'json_to_recordset($25::json) u (key bigint, start text COLLATE "C", mark bigint)'


def _index(through: str) -> str:
    return _INDEX.replace("THROUGH", f"{through}::bigint[]")


_INDEX = """
  added AS (INSERT INTO idx (key, sort, row, high)
    SELECT u.key, u.sort, written.row, u.high FROM written, unnest($1::bigint[], $2::bigint[], $3::bigint[]) u (key, sort, high)
    ON CONFLICT DO NOTHING),
  texts AS (INSERT INTO idx_text (key, start, row, mark, rest)
    SELECT u.key, u.start, written.row, u.mark, u.rest
    FROM written, json_to_recordset($4::json) u (key bigint, start text COLLATE "C", mark bigint, rest text)
    WHERE u.mark IS NOT NULL
    ON CONFLICT DO NOTHING),
  orders AS (INSERT INTO idx_order (row, key, start)
    SELECT written.row, u.key, u.start
    FROM written, json_to_recordset($4::json) u (key bigint, start text COLLATE "C", mark bigint) WHERE u.mark IS NULL
    ON CONFLICT DO NOTHING),
  dates AS (INSERT INTO idx_date (key, row, low, high)
    SELECT u.key, written.row, u.low, u.high FROM written, unnest($18::bigint[], $19::bigint[], $20::bigint[]) u (key, low, high)
    ON CONFLICT DO NOTHING),
  members AS (INSERT INTO membership (member, dossier, row, starts, ends, through)
    SELECT u.member, u.dossier, written.row, u.starts, u.ends, u.through
    FROM written, unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], THROUGH) u (member, dossier, starts, ends, through)
    ON CONFLICT (member, dossier, row, starts, through) DO UPDATE SET ends = excluded.ends),
"""


def _rules(parameter: str) -> str:
    columns = consent_rows.COLUMNS
    types = ", ".join(f"{name} {'text' if name in consent_rows.TEXTS else 'bigint'}" for name in columns)
    values = ", ".join(f"u.{name}" for name in columns)
    found = f"SELECT {values}, written.row FROM written, json_to_recordset({parameter}::json) u ({types})"
    return f"  rules AS (INSERT INTO consent_rule ({', '.join(columns)}, row) {found}),\n"


def _circle(members: str, alone: str) -> str:
    """Insert who stands in the circle that the written resource makes."""
    given = f"written, unnest({members}::bigint[], {alone}::bigint[]) u (member, alone)"
    return f"""  circle_in AS (INSERT INTO circle (circle, member, alone, dossier, row)
    SELECT $10, u.member, u.alone, coalesce($16::bigint, {KEEP}), written.row FROM {given}
    ON CONFLICT (circle, member) DO UPDATE SET alone = excluded.alone, dossier = excluded.dossier),
"""


_ANNOUNCED = ", ".join(f"'{name}'" for name in announced().all)
_EVENT = f"""  announced AS (INSERT INTO event (type, id, version, updated)
    SELECT type, id, version, updated FROM written WHERE type IN ({_ANNOUNCED})),
"""
_WRITTEN = "row, type, id, version, updated"
_THIS = "pg_current_xact_id()::text::bigint"  # this transaction


def _there(parameter: str) -> tuple[str, str]:
    """Return the lock on what a change requires, as a part of WITH, and the condition that all of it is there."""
    keys = f"{parameter}::bigint[]"
    locked = f"SELECT 1 FROM resource WHERE self = ANY({keys}) AND NOT deleted ORDER BY self FOR KEY SHARE"
    return f"there AS ({locked})", f"(SELECT count(*) FROM there) = cardinality({keys})"


_THERE_FIRST, _ALL_THERE = _there("$21")
CREATE = f"""WITH {_THERE_FIRST}, written AS (
    INSERT INTO resource (self, type, id, version, updated, deleted, put, sort, dossier, circle, written, body)
    SELECT $10, $11, $12, 1, $13, $14::boolean, $27::boolean, $15, $16, $24, {_THIS}, $17 WHERE {_ALL_THERE}
    ON CONFLICT (self) DO NOTHING RETURNING {_WRITTEN}),
{_index("$22")}{_rules("$23")}{_circle("$25", "$26")}{_EVENT}{_recorded(28)}
SELECT row FROM written"""

_THERE_FIRST, _ALL_THERE = _there("$29")
UPDATE = f"""WITH {_THERE_FIRST}, old AS (
    SELECT row, version, type, updated, deleted, put, sort, dossier, circle, written, body FROM resource
    WHERE self = $10 AND type = $11 AND id = $12 AND version = $21 AND {_ALL_THERE} FOR UPDATE),
  kept AS (INSERT INTO history (row, version, type, updated, deleted, put, written, body)
    SELECT row, version, type, updated, deleted, put, written, body FROM old),
  written AS (UPDATE resource r SET version = old.version + 1, updated = $13, deleted = $14::boolean, put = $35::boolean,
      written = {_THIS}, body = $17, sort = CASE WHEN $14::boolean THEN old.sort ELSE $15 END,
      dossier = CASE WHEN $14::boolean OR $16::bigint = {KEEP} THEN old.dossier ELSE $16 END,
      circle = CASE WHEN $14::boolean THEN old.circle ELSE $32 END
    FROM old WHERE r.row = old.row RETURNING r.row, r.type, r.id, r.version, r.updated),
{_gone("gone", "idx", "unnest($22::bigint[], $23::bigint[], $24::bigint[]) u (key, sort, high)", "key sort high")}
{_gone("texts_gone", "idx_text", _TEXTS_GONE, "key start mark")}
{_gone("orders_gone", "idx_order", _TEXTS_GONE, "key start")}
{_gone("dates_gone", "idx_date", "unnest($26::bigint[], $27::bigint[], $28::bigint[]) u (key, low, high)", "key low high")}
  rules_gone AS (DELETE FROM consent_rule c USING written WHERE c.row = written.row),
  members_gone AS (DELETE FROM membership m USING written WHERE m.row = written.row AND NOT EXISTS (
    SELECT 1 FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $30::bigint[]) u (member, dossier, starts, through)
    WHERE u.member = m.member AND u.dossier = m.dossier AND u.starts = m.starts AND u.through = m.through)),
  circle_gone AS (DELETE FROM circle c USING written
    WHERE c.circle = $10 AND NOT $14::boolean AND NOT c.member = ANY($33::bigint[])),
{_index("$30")}{_rules("$31")}{_circle("$33", "$34")}{_EVENT}{_recorded(36)}
SELECT row FROM written"""

_NO_BLOCK: tuple[Parameter, ...] = ("", "0", "0", "0", b"", b"")


def parameters(
    change: Change, rows: Delta, body: bytes, block: Block | None, required: Iterable[int] = ()
) -> tuple[Parameter, ...]:
    """Return the parameters of CREATE, or of UPDATE when the change follows a version.

    ``required`` are the keys of the resources without which nothing is written, ``block`` is what the record says of it.
    """
    there = array(required)
    chain, *recorded = _NO_BLOCK if block is None else journal.parameters(block)
    deleted = "true" if change.indexed is None else "false"
    dossier = None if rows.dossier is None else str(rows.dossier)
    common = (
        *_columns(rows.added, 3),
        _texts(rows.texts_added, rows.orders_added),
        *_columns([each[:4] for each in rows.members], 4),
        chain,
        *(str(rows.self), change.type, change.id, str(change.updated), deleted, str(rows.sort), dossier, body),
        *_columns(rows.dates_added, 3),
    )
    through = array(each[4] for each in rows.members)
    rules = orjson.dumps([dict(zip(consent_rows.COLUMNS, rule, strict=True)) for rule in rows.rules]).decode()
    circle = (None if rows.circle is None else str(rows.circle), *_columns([each[1:3] for each in rows.circle_members], 2))
    put = "true" if change.put else "false"
    if change.expected == 0:
        return (*common, there, through, rules, *circle, put, *recorded)
    gone = (*_columns(rows.gone, 3), _texts(rows.texts_gone, rows.orders_gone), *_columns(rows.dates_gone, 3))
    return (*common, str(change.expected), *gone, there, through, rules, *circle, put, *recorded)


def bind(values: Iterable[Value]) -> list[str]:
    """Return ``values`` as text, a list as an array literal."""
    return [str(value) if isinstance(value, int) else value if isinstance(value, str) else array(value) for value in values]


def array(values: Iterable[int]) -> str:
    """Return an array literal."""
    return "{" + ",".join(map(str, values)) + "}"


def _columns(rows: Sequence[Sequence[int]], width: int) -> Sequence[str]:
    return [array(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def _texts(texts: Sequence[StoredText], orders: Sequence[OrderRow]) -> str:
    """Return rows of idx_text and idx_order in one list; these have no mark."""
    if not (texts or orders):
        return "[]"
    return orjson.dumps([*(text._asdict() for text in texts), *(order._asdict() for order in orders)]).decode()
