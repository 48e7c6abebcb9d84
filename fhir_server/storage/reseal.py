"""Writing bodies again in which something stands that was sealed with another key, with the rows of the index that come from it.

A body changes in its place: what it says to whom may see it stays the same, and so do version and time. What was done is seen in
the bodies themselves, so that a run which was ended is begun again: what is done already is only read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from fhir_server.storage.body import Bodies
from fhir_server.storage.reindex.database import COLUMNS, IndexDatabase, Snapshot, Transaction
from fhir_server.storage.reindex.expected import RESOURCE, Found, Rebuild, Rebuilder
from fhir_server.storage.reindex.run import ReindexRunning

BATCH: Final = 50
"""Bodies of one transaction, for which others may have to wait."""
_MARKS_AT_ONCE: Final = 2_000

Change = Callable[[bytes], bytes]
"""Returns a body as it is to be stored; itself when nothing is to change."""
Progress = Callable[[str, int, int], None]
"""Told the table, and of how many of its bodies how many were gone over."""


@dataclass(slots=True)
class Resealed:
    """What was done: bodies that were read in the last pass, those that were written in all, and how many passes it took."""

    bodies: int = 0
    written: int = 0
    passes: int = 0


class _Place(NamedTuple):
    row: int
    version: int


def reseal(database: IndexDatabase, rebuild: Rebuild, change: Change, progress: Progress, size: int = BATCH) -> Resealed:
    """Go over all bodies until ``change`` changes none of them. Raises ReindexRunning."""
    done = Resealed()
    with database.alone() as alone:
        if not alone:
            raise ReindexRunning("a reindex is under way: let it finish, and begin again")
        work = _Work(Rebuilder(rebuild), change, size)
        while True:
            done.passes += 1
            before, done.bodies = done.written, 0
            with database.snapshot() as at:
                for table in ("resource", "history"):
                    done.written += work.over(database, at, table, done, progress)
            if done.written == before:
                return done


class _Work:
    """One pass over one table."""

    def __init__(self, rebuilder: Rebuilder, change: Change, size: int) -> None:
        self._rebuilder, self._change, self._size = rebuilder, change, size
        self._bodies = Bodies()

    def over(self, database: IndexDatabase, at: Snapshot, table: str, done: Resealed, progress: Progress) -> int:
        """Write what is to be written of ``table``; return how many bodies."""
        total = next(at.stream(f"SELECT count(*) FROM {table}"))[0]
        old, written = self._old(at, table, total, done, progress), 0
        while some := list(islice(old, self._size)):
            written += database.write(partial(self._write, database, table, some))
        return written

    def _old(self, at: Snapshot, table: str, total: int, done: Resealed, progress: Progress) -> Iterator[_Place]:
        last, count = _Place(0, 0), 0
        sql = f"SELECT row, version, body FROM {table} WHERE (row, version) > (?, ?) ORDER BY row, version LIMIT {_MARKS_AT_ONCE}"
        while found := list(at.stream(sql, last)):
            for row, version, body in found:
                last = _Place(row, version)
                if self._changed(bytes(body)) is not None:
                    yield last
            count += len(found)
            done.bodies += len(found)
            progress(table, count, max(count, total))

    def _changed(self, packed: bytes) -> bytes | None:
        """Return what is to be stored in the place of ``packed``, None when that may stay."""
        body = self._bodies.unpack(packed)
        made = self._change(body)
        return None if made == body else self._bodies.pack(made)

    def _write(self, database: IndexDatabase, table: str, places: Sequence[_Place], transaction: Transaction) -> int:
        if table == "resource":
            return sum(self._resource(transaction, each) for each in _locked(database, transaction, places))
        return sum(self._version(database, transaction, each) for each in places)

    def _resource(self, transaction: Transaction, found: Found) -> int:
        packed = None if found.deleted else self._changed(found.body)
        if packed is None:
            return 0  # another version by now, or done by somebody else
        was, now = self._rebuilder(found), self._rebuilder(found._replace(body=packed))
        for table in COLUMNS:
            transaction.delete(table, _without(was.tables[table], now.tables[table]))
            transaction.insert(table, _without(now.tables[table], was.tables[table]))
        transaction.rows("UPDATE resource SET body = ?, sort = ? WHERE row = ?", (packed, now.sort, found.row))
        return 1

    def _version(self, database: IndexDatabase, transaction: Transaction, place: _Place) -> int:
        found = transaction.rows(f"SELECT body FROM history WHERE row = ? AND version = ? {database.lock}", place)
        packed = self._changed(bytes(found[0][0])) if found else None
        if packed is None:
            return 0
        transaction.rows("UPDATE history SET body = ? WHERE row = ? AND version = ?", (packed, *place))
        return 1


def _locked(database: IndexDatabase, transaction: Transaction, places: Sequence[_Place]) -> list[Found]:
    """Lock in the order in which every writer does, as ``reindex/repair`` does."""
    sql = f"SELECT {RESOURCE} FROM resource r WHERE r.row {database.among()} ORDER BY r.type, r.self {database.lock}"
    found = transaction.rows(sql, (tuple(each.row for each in places),))
    return [each._replace(body=bytes(each.body)) for each in map(Found._make, found)]


def _without(rows: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    gone = set(others)
    return [each for each in rows if each not in gone]
