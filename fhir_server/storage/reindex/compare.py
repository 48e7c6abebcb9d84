"""The index and a rebuild, compared exactly at one moment.

There is no way from a resource to its rows but through all of them. So each resource gets one number, the sum of hashes of what it
should have less what it has; only those where something is left are looked at row by row. Memory: eight bytes per resource of a
window, and the rows of so many differing resources.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fhir_server.storage.reindex.database import COLUMNS, IndexDatabase, Row, Snapshot
from fhir_server.storage.reindex.expected import RESOURCE, Expected, Found, Rebuild, Rebuilder

WINDOW: Final = 1_000_000
DETAILED: Final = 20_000
EXAMPLES: Final = 10
_BITS = (1 << 64) - 1
_LEAST, _MOST = -(2**63), 2**63 - 1
Progress = Callable[[int, int], None]
"""Told how many resources, of how many, were gone over so far."""


@dataclass(slots=True)
class Difference:
    """One resource whose index is not what it should be.

    ``reference`` is "Type/id", or "" for rows that belong to no resource. ``columns`` tells that sort, dossier or circle differ.
    """

    row: int
    reference: str
    columns: bool
    missing: dict[str, list[Row]]
    surplus: dict[str, list[Row]]


@dataclass(slots=True)
class Report:
    """What a comparison found: rows per table that are missing and surplus, and the first few places, never values.

    ``resource`` among the tables counts those whose sort, dossier or circle differ.
    """

    resources: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    surplus: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.missing and not self.surplus

    def add(self, found: Difference) -> None:
        """Count one difference."""
        wrong = {table: len(rows) for table, rows in found.missing.items()} | ({"resource": 1} if found.columns else {})
        for counts, more in ((self.missing, wrong), (self.surplus, {table: len(rows) for table, rows in found.surplus.items()})):
            for table, number in more.items():
                counts[table] = counts.get(table, 0) + number
        tables = sorted({*wrong, *found.surplus})
        self.examples += [f"{found.reference or 'no resource'} {table}" for table in tables][: EXAMPLES - len(self.examples)]


def check(database: IndexDatabase, rebuild: Rebuild, progress: Progress = lambda _done, _total: None) -> Report:
    """Compare everything, and write nothing."""
    report = Report()

    def count(done: int, total: int) -> None:
        report.resources = done
        progress(done, total)

    for found in differences(database, rebuild, count):
        report.add(found)
    return report


def differences(
    database: IndexDatabase, rebuild: Rebuild, progress: Progress, *, window: int = WINDOW, detailed: int = DETAILED
) -> Iterator[Difference]:
    """Yield what differs, all as of one moment."""
    rebuilder = Rebuilder(rebuild)
    with database.snapshot() as snapshot:
        ((least, most, total),) = snapshot.stream("SELECT min(row), max(row), count(*) FROM resource")
        starts = range(least or 0, (most or 0) + 1, window)
        done = 0
        for low in starts:
            bounds = (_LEAST if low == starts[0] else low, _MOST if low == starts[-1] else low + window - 1)
            sums = _Sums(low, min(window, starts.stop - low))
            for found in map(Found._make, snapshot.stream(f"SELECT {RESOURCE} FROM resource r {_WITHIN}", bounds)):
                sums.expect(found, rebuilder(found))
                done += 1
                progress(done, total)
            for table, row in _all(snapshot, bounds):
                sums.take(table, row)
            suspects = sums.left()
            while rows := list(islice(suspects, detailed)):
                yield from _examined(database, snapshot, rebuilder, rows)


_WITHIN = "WHERE row BETWEEN ? AND ? ORDER BY row"


def _all(snapshot: Snapshot, bounds: Sequence[int]) -> Iterator[tuple[str, Row]]:
    for table, columns in COLUMNS.items():
        for row in snapshot.stream(f"SELECT {', '.join(columns)} FROM {table} WHERE row BETWEEN ? AND ?", bounds):
            yield table, row


class _Sums:
    """A number for each resource of a window, zero when it has what it should."""

    def __init__(self, low: int, size: int) -> None:
        self._low = low
        self._sums = array("Q", bytes(8 * size))
        self._marked: dict[int, None] = {}
        self._at = {table: columns.index("row") for table, columns in COLUMNS.items()}

    def expect(self, found: Found, expected: Expected) -> None:
        total = sum(hash((table, row)) for table, row in expected.rows())
        place = found.row - self._low
        self._sums[place] = (self._sums[place] + total) & _BITS
        if (found.sort, found.dossier, found.circle) != expected[:3]:
            self._marked[found.row] = None

    def take(self, table: str, row: Row) -> None:
        place = row[self._at[table]] - self._low
        if 0 <= place < len(self._sums):
            self._sums[place] = (self._sums[place] - hash((table, row))) & _BITS
        else:
            self._marked[place + self._low] = None

    def left(self) -> Iterator[int]:
        yield from self._marked
        for place, rest in enumerate(self._sums):
            if rest and place + self._low not in self._marked:
                yield place + self._low


def _examined(database: IndexDatabase, snapshot: Snapshot, rebuilder: Rebuilder, rows: Sequence[int]) -> Iterator[Difference]:
    resources = snapshot.stream(f"SELECT {RESOURCE} FROM resource r WHERE r.row {database.among()}", (tuple(rows),))
    found = {each.row: each for each in map(Found._make, resources)}
    expected = {row: rebuilder(each) for row, each in found.items()}
    actual: dict[int, set[tuple[str, Row]]] = {row: set() for row in rows}
    at = {table: columns.index("row") for table, columns in COLUMNS.items()}
    for table, row in _all(snapshot, (min(rows), max(rows))):
        if row[at[table]] in actual:
            actual[row[at[table]]].add((table, row))
    for number in sorted(rows):
        wanted = set(expected[number].rows()) if number in expected else set()
        columns = number in found and (found[number].sort, found[number].dossier, found[number].circle) != expected[number][:3]
        if wanted != actual[number] or columns:
            reference = f"{found[number].type}/{found[number].id}" if number in found else ""
            yield Difference(number, reference, columns, _by_table(wanted - actual[number]), _by_table(actual[number] - wanted))


def _by_table(rows: set[tuple[str, Row]]) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    for table, row in sorted(rows):
        tables.setdefault(table, []).append(row)
    return tables
