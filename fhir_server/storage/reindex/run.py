"""The reindex: fill what is missing, resource by resource, then clear what is surplus, wherever it stands.

How far it has come is kept beside the index, in the same transactions, so that one that was ended goes on where it was.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, Protocol

from fhir_server.storage.reindex.compare import Difference, differences
from fhir_server.storage.reindex.database import IndexDatabase, Transaction
from fhir_server.storage.reindex.expected import Rebuild, Rebuilder
from fhir_server.storage.reindex.repair import Changed, fill, repair

BATCH: Final = 200
"""Resources of one transaction, which others may have to wait for."""
_ROUNDS = 3


class ReindexRunning(RuntimeError):
    """Somebody is going over this index already."""


class State(NamedTuple):
    """How far a reindex has come: ``phase`` is "none" (when none is under way), "fill" or "clear"; ``moved`` in microseconds."""

    parameters: int
    phase: str
    scope: int
    row: int
    done: int
    total: int
    moved: int


class Plan(Protocol):
    """What the index is to hold: while it is filled all that will be needed, after that no more than is needed."""

    def begin(self) -> tuple[int, Rebuild]:
        """Return what to fill in, and its scope: a run that was begun for another scope begins again."""
        ...

    def filled(self, transaction: Transaction) -> None:
        """Do what belongs to the transaction that ends the filling."""
        ...

    def clear(self) -> Rebuild:
        """Return what is to stay."""
        ...


@dataclass(slots=True)
class Summary:
    """What was done: resources gone over, rows added and removed. ``resumed`` tells that an earlier run had begun it."""

    resources: int = 0
    added: int = 0
    removed: int = 0
    resumed: bool = False

    def count(self, changed: Changed) -> None:
        """Take in what was changed."""
        self.added += changed.added
        self.removed += changed.removed


Progress = Callable[[str, int, int], None]
"""Told the phase, and of how many resources how many were gone over."""


def state(transaction: Transaction) -> State:
    """Return how far it is."""
    return State._make(transaction.rows(f"SELECT {', '.join(State._fields)} FROM index_state")[0])


def reindex(database: IndexDatabase, plan: Plan, clock: Callable[[], int], progress: Progress, size: int = BATCH) -> Summary:
    """Bring the whole index in order, from where an earlier run of the same ``plan`` ended. Raises ReindexRunning."""
    with database.alone() as alone:
        if not alone:
            raise ReindexRunning("a reindex is under way already: let it finish")
        return _all(database, plan, clock, progress, size)


def _all(database: IndexDatabase, plan: Plan, clock: Callable[[], int], progress: Progress, size: int) -> Summary:
    summary = Summary()
    scope, rebuild = plan.begin()
    at = database.write(lambda transaction: _begin(transaction, scope, clock()))
    summary.resumed = at.done > 0
    if at.phase == "fill":
        _fill(database, Rebuilder(rebuild), plan.filled, at, clock, progress, summary, size)
    rebuild = plan.clear()
    for _ in range(_ROUNDS):
        before = summary.added
        found = differences(database, rebuild, partial(progress, "clear"))
        for some in _chunks(found, size):
            summary.count(repair(database, Rebuilder(rebuild), {each.row: each.surplus for each in some}))
        if summary.added == before:
            break
    summary.resources = database.write(lambda transaction: _end(transaction, clock()))
    return summary


def _begin(transaction: Transaction, scope: int, now: int) -> State:
    found = state(transaction)
    if found.phase != "none" and found.scope == scope:
        return found
    total = transaction.rows("SELECT count(*) FROM resource")[0][0]
    transaction.rows(
        "UPDATE index_state SET phase = 'fill', scope = ?, row = 0, done = 0, total = ?, moved = ?", (scope, total, now)
    )
    return state(transaction)


def _fill(
    database: IndexDatabase,
    rebuilder: Rebuilder,
    then: Callable[[Transaction], None],
    at: State,
    clock: Callable[[], int],
    progress: Progress,
    summary: Summary,
    size: int,
) -> None:
    last, done = at.row, at.done

    def moved(transaction: Transaction, changed: Changed) -> None:
        values = (changed.last, done + changed.resources, clock())
        transaction.rows("UPDATE index_state SET row = ?, done = ?, moved = ?", values)

    while (made := fill(database, rebuilder, last, size, moved)).resources:
        last, done = made.last, done + made.resources
        summary.count(made)
        progress("fill", done, max(done, at.total))

    def filled(transaction: Transaction) -> None:
        then(transaction)
        transaction.rows("UPDATE index_state SET phase = 'clear', moved = ?", (clock(),))

    database.write(filled)


def _end(transaction: Transaction, now: int) -> int:
    transaction.rows("UPDATE index_state SET phase = 'none', moved = ?", (now,))
    return state(transaction).done


def _chunks(found: Iterable[Difference], size: int) -> Iterator[list[Difference]]:
    iterator = iter(found)
    while some := list(islice(iterator, size)):
        yield some
