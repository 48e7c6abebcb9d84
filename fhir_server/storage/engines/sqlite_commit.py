"""The changes of one commit on SQLite, carried out by the writer thread inside a savepoint."""

import sqlite3
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NamedTuple

import orjson

from fhir_server.catalog.announced import announced
from fhir_server.storage import consent_rows, single
from fhir_server.storage.attachments.store import CLAIM, Claim
from fhir_server.storage.delta import KEEP, Delta
from fhir_server.storage.dialect import SQLITE
from fhir_server.storage.engines import sqlite_integrity
from fhir_server.storage.engines.sqlite_scripts import on_sqlite
from fhir_server.storage.matching import Question
from fhir_server.storage.repository import Change, Doubled, Grant, Matched, OutOfGrant, SearchTooSlow, VersionConflict
from fhir_server.storage.shape import EVERYTHING, Shape, Value
from fhir_server.storage.subscriptions.scripts import parting, subscribe

_State = tuple[str, str, int, int, int]  # type, id, version, row, visible
Checks = Mapping[str, tuple[Shape, list[Value]]]
LONGEST_MATCH = 1.0  # seconds
STEPS = 4000  # virtual machine steps between two looks at the clock


class Prepared(NamedTuple):
    """A change, its rows and its packed body."""

    change: Change
    delta: Delta
    body: bytes


def checks_of(grants: Sequence[Grant]) -> Checks:
    """Return, per kind of change, its check as a shape and its values."""
    return single.checks_of(grants, 0)


def carry_out(
    connection: sqlite3.Connection,
    checks: Checks,
    prepared: Sequence[Prepared],
    audit: Sequence[bytes],
    unmatched: Sequence[Question] = (),
) -> Sequence[bytes]:
    """Check, write, check again, and return the lines of the record that tell of it.

    Raises what ``Repository.commit`` does; the caller's savepoint undoes what was written.
    """
    if unmatched and _most_matches(connection, unmatched) > 0:
        raise Matched
    rows = [_stored_row(connection, checks, one) for one in prepared]
    connection.execute(_NEXT)
    written = [_write(connection, one, row) for one, row in zip(prepared, rows, strict=True)]
    _index(connection, [one.delta for one in prepared], written)
    _announce(connection, [one.change for one in prepared])
    for one, row in zip(prepared, written, strict=True):
        if one.change.indexed is not None:
            _require_within(connection, checks, one, row)
    if unmatched and len(prepared) > 1 and _most_matches(connection, unmatched) > 1:
        raise Doubled
    sqlite_integrity.require([one.change for one in prepared], connection)
    _claim(connection, [claim for one in prepared for claim in one.change.claims])
    return audit


def _claim(connection: sqlite3.Connection, claims: Sequence[Claim]) -> None:
    for claim in claims:
        if not connection.execute(_CLAIM, (claim.message, claim.dossier, claim.id, claim.before)).fetchall():
            raise VersionConflict("an attachment was claimed or removed meanwhile", claim.message)


def bind(values: Sequence[Value]) -> list[Value]:
    """Return ``values`` as SQLite takes them: a list becomes its JSON text."""
    return [orjson.dumps(value).decode() if type(value) is tuple else value for value in values]


def _most_matches(connection: sqlite3.Connection, unmatched: Sequence[Question]) -> int:
    """Return how many match one of the criteria at most; raises SearchTooSlow, since everybody else who writes is waiting."""
    until = monotonic() + LONGEST_MATCH
    connection.set_progress_handler(lambda: monotonic() > until, STEPS)
    try:
        return max(len(connection.execute(sql, bind(values)).fetchall()) for sql, values in unmatched)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise SearchTooSlow(f"the criteria took longer than {LONGEST_MATCH} s to match: narrow them") from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _state(connection: sqlite3.Connection, checks: Checks, one: Prepared) -> _State | None:
    shape, values = checks[single.kind(one.change)]
    values[single.SELF] = one.delta.self
    statement = single.check(SQLITE, shape)
    found: _State | None = connection.execute(statement.sql, bind(statement.pick(values))).fetchone()
    return found


def _stored_row(connection: sqlite3.Connection, checks: Checks, one: Prepared) -> int | None:
    """Return the row of what is stored, None if nothing is; raise unless it may be followed by this change."""
    change = one.change
    if single.kind(change) not in checks:
        raise OutOfGrant(f"no grant for {change.type}")
    state = _state(connection, checks, one)
    if state is None:
        if change.expected != 0:
            raise VersionConflict(f"{change.type}: nothing is stored, version {change.expected} expected", change.reference)
        return None
    type_, id_, version, row, visible = state
    if (type_, id_) != (change.type, change.id) or version != change.expected:
        raise VersionConflict(f"{change.type}: version {version} is stored, {change.expected} expected", change.reference)
    if not visible:
        raise OutOfGrant(f"{change.type}: the stored version lies outside the grant")
    return row


def _require_within(connection: sqlite3.Connection, checks: Checks, one: Prepared, row: int) -> None:
    if checks[single.kind(one.change)][0] is EVERYTHING:
        return
    state = _state(connection, checks, one)
    if state is None or state[3] != row or not state[4]:
        raise OutOfGrant(f"{one.change.type}: the new version lies outside the grant")


def _write(connection: sqlite3.Connection, one: Prepared, row: int | None) -> int:
    change, delta, deleted = one.change, one.delta, one.change.indexed is None
    if row is None:
        row = _insert(connection, one)
    else:
        connection.execute(_KEEP, (row,))
        new = (change.expected + 1, change.updated, deleted, change.put, one.body)
        if deleted:
            connection.execute(_DELETE, (*new, row))
        else:
            connection.execute(_UPDATE, (*new, delta.sort, delta.dossier, row, delta.circle))
            connection.execute("DELETE FROM circle WHERE circle = ?", (delta.self,))
        connection.execute("DELETE FROM membership WHERE row = ?", (row,))
        connection.execute("DELETE FROM consent_rule WHERE row = ?", (row,))
    return row


def _insert(connection: sqlite3.Connection, one: Prepared) -> int:
    change, delta = one.change, one.delta
    content = (change.updated, change.indexed is None, change.put, delta.sort, delta.dossier, delta.circle, one.body)
    try:
        row = connection.execute(_INSERT, (delta.self, change.type, change.id, *content)).lastrowid
    except sqlite3.IntegrityError as error:  # twice in one commit
        raise VersionConflict(f"{change.type}: created twice", change.reference) from error
    assert row is not None
    return row


def _index(connection: sqlite3.Connection, deltas: Sequence[Delta], rows: Sequence[int]) -> None:
    """Write the index of all changes, each table in the order of its keys: neighbours are then on one page."""
    both = list(zip(deltas, rows, strict=True))
    for sql, values in (
        (_IDX_OUT, [(key, sort, row, high) for each, row in both for key, sort, high in each.gone]),
        (_DATE_OUT, [(key, row, low, high) for each, row in both for key, low, high in each.dates_gone]),
        (_TEXT_OUT, [(key, start, row, mark) for each, row in both for key, start, mark, _ in each.texts_gone]),
        (_ORDER_OUT, [(row, *order) for each, row in both for order in each.orders_gone]),
        (_IDX_IN, [(key, sort, row, high) for each, row in both for key, sort, high in each.added]),
        (_DATE_IN, [(key, row, low, high) for each, row in both for key, low, high in each.dates_added]),
        (_TEXT_IN, [(key, start, row, mark, rest) for each, row in both for key, start, mark, rest in each.texts_added]),
        (_ORDER_IN, [(row, *order) for each, row in both for order in each.orders_added]),
        (_MEMBER_IN, [(*member, row) for each, row in both for member in each.members]),
        (_CIRCLE_IN, [(*member, row) for each, row in both for member in each.circle_members]),
        (_RULE_IN, [(*rule, row) for each, row in both for rule in each.rules]),
    ):
        if values:
            connection.executemany(sql, sorted(values))


def _announce(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Write the events of what is committed, and what subscriptions say."""
    events = [(each.type, each.id, each.expected + 1, each.updated) for each in changes if each.type in _ANNOUNCED]
    connection.executemany("INSERT INTO event (type, id, version, updated) VALUES (?, ?, ?, ?)", events)
    for each in changes:
        if each.subscription is not None:
            on_sqlite(connection, subscribe(each.subscription, each.updated))
        if each.told:
            on_sqlite(connection, parting(each.reference, each.expected + 1, each.told))


_ANNOUNCED = frozenset(announced().all)
_CLAIM = CLAIM.replace("$", "?")
_KEEP = (
    "INSERT INTO history (row, version, type, updated, deleted, put, written, body)"
    " SELECT row, version, type, updated, deleted, put, written, body FROM resource WHERE row = ?"
)
_NEXT = "INSERT INTO commits (one, number) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET number = number + 1"
_THIS = "(SELECT number FROM commits)"
_UPDATE = (
    "UPDATE resource SET version = ?, updated = ?, deleted = ?, put = ?, body = ?, sort = ?,"
    f" dossier = CASE ?7 WHEN {KEEP} THEN dossier ELSE ?7 END, circle = ?9, written = {_THIS} WHERE row = ?8"
)
_DELETE = f"UPDATE resource SET version = ?, updated = ?, deleted = ?, put = ?, body = ?, written = {_THIS} WHERE row = ?"
_INSERT = (
    "INSERT INTO resource (self, type, id, version, updated, deleted, put, sort, dossier, circle, body, written)"
    f" VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, {_THIS})"
)
_IDX_OUT = "DELETE FROM idx WHERE key = ? AND sort = ? AND row = ? AND high = ?"
_IDX_IN = "INSERT OR IGNORE INTO idx (key, sort, row, high) VALUES (?, ?, ?, ?)"
_DATE_OUT = "DELETE FROM idx_date WHERE key = ? AND row = ? AND low = ? AND high = ?"
_DATE_IN = "INSERT OR IGNORE INTO idx_date (key, row, low, high) VALUES (?, ?, ?, ?)"
_TEXT_OUT = "DELETE FROM idx_text WHERE key = ? AND start = ? AND row = ? AND mark = ?"
_TEXT_IN = "INSERT OR IGNORE INTO idx_text (key, start, row, mark, rest) VALUES (?, ?, ?, ?, ?)"
_ORDER_OUT = "DELETE FROM idx_order WHERE row = ? AND key = ? AND start = ?"
_ORDER_IN = "INSERT OR IGNORE INTO idx_order (row, key, start) VALUES (?, ?, ?)"
_MEMBER_IN = "INSERT INTO membership (member, dossier, starts, ends, through, row) VALUES (?, ?, ?, ?, ?, ?)"
_CIRCLE_IN = "INSERT INTO circle (circle, member, alone, dossier, row) VALUES (?, ?, ?, ?, ?)"
_RULES = (*consent_rows.COLUMNS, "row")
_RULE_IN = f"INSERT INTO consent_rule ({', '.join(_RULES)}) VALUES ({', '.join('?' * len(_RULES))})"
