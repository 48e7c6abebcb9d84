"""What brings the index in order: each resource is locked, read, and given what its body says."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fhir_server.search.rows import key
from fhir_server.storage.reindex.database import COLUMNS, IndexDatabase, Row, Transaction
from fhir_server.storage.reindex.expected import RESOURCE, Expected, Found, Rebuilder


class Changed(NamedTuple):
    """How many rows were added and removed; ``resources`` were gone over, the last of them in row ``last``."""

    resources: int = 0
    added: int = 0
    removed: int = 0
    last: int = 0


def fill(
    database: IndexDatabase, rebuilder: Rebuilder, after: int, size: int, then: Callable[[Transaction, Changed], None]
) -> Changed:
    """Give the next ``size`` resources after row ``after`` what they lack; ``then`` belongs to the same transaction.

    ``resources`` is 0 when there are no more.
    """

    def work(transaction: Transaction) -> Changed:
        following = f"SELECT row FROM resource WHERE row > ? ORDER BY row LIMIT {size}"
        counted, last = transaction.rows(f"SELECT count(*), max(row) FROM ({following}) f", (after,))[0]
        if not counted:
            return Changed()
        resources = _locked(database, transaction, "r.row > ? AND r.row <= ?", (after, last))
        expected = [(found, rebuilder(found)) for found in resources if not found.deleted]
        removed = _unlist(transaction, (after, last), expected)
        made = Changed(counted, _add(transaction, expected), removed, last)
        then(transaction, made)
        return made

    return database.write(work)


def repair(database: IndexDatabase, rebuilder: Rebuilder, surplus: Mapping[int, Mapping[str, Sequence[Row]]]) -> Changed:
    """Bring some resources in order: ``surplus`` are, by their rows, the rows to remove, unless they are right by now."""

    def work(transaction: Transaction) -> Changed:
        resources = _locked(database, transaction, f"r.row {database.among()}", (tuple(surplus),))
        expected = [(found, rebuilder(found)) for found in resources]
        right = {pair for _, wanted in expected for pair in wanted.rows()}
        removed = 0
        for table in COLUMNS:
            gone = [row for tables in surplus.values() for row in tables.get(table, ()) if (table, row) not in right]
            removed += transaction.delete(table, gone)
        return Changed(len(surplus), _add(transaction, expected), removed, max(surplus))

    return database.write(work)


def _locked(database: IndexDatabase, transaction: Transaction, where: str, values: Sequence[object]) -> list[Found]:
    """Lock in the order in which every writer does (``engines/postgres_commit``), so that nobody waits in a circle."""
    sql = f"SELECT {RESOURCE} FROM resource r WHERE {where} ORDER BY r.type, r.self {database.lock}"
    return [Found._make(row) for row in transaction.rows(sql, values)]


def _unlist(transaction: Transaction, bounds: Sequence[int], resources: Sequence[tuple[Found, Expected]]) -> int:
    """Remove the row that every resource has where it is another than it should be: with two of them it is found twice."""
    removed = 0
    for type_ in sorted({found.type for found, _ in resources}):
        stored = transaction.rows(_LISTED, (key(type_), *bounds, type_))
        right = {row for found, wanted in resources if found.type == type_ for row in wanted.tables["idx"]}
        removed += transaction.delete("idx", [row for row in stored if row not in right])
    return removed


_LISTED = (
    "SELECT i.key, i.sort, i.row, i.high FROM resource r JOIN idx i ON i.key = ? AND i.sort = r.sort AND i.row = r.row"
    " WHERE r.row > ? AND r.row <= ? AND r.type = ?"
)


def _add(transaction: Transaction, resources: Sequence[tuple[Found, Expected]]) -> int:
    added = 0
    for table in COLUMNS:
        added += transaction.insert(table, [row for _, expected in resources for row in expected.tables[table]])
    for found, expected in resources:
        if (found.sort, found.dossier, found.circle) != expected[:3]:
            transaction.rows("UPDATE resource SET sort = ?, dossier = ?, circle = ? WHERE row = ?", (*expected[:3], found.row))
    return added
