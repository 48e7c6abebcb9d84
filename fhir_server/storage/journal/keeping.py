"""What keeping the record asks of the database: heads and anchors, the blocks and rows to verify, the removal of old ones."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.storage.journal.chain import Block, Head
from fhir_server.storage.journal.projection import COLUMNS, Event
from fhir_server.storage.reindex.database import IndexDatabase, Snapshot, Transaction

_BLOCKS, _EVENTS = 50, 2_000  # at a time


class Anchor(NamedTuple):
    """A signed statement about the record, the ``number``-th, made at an instant (microseconds)."""

    number: int
    made: int
    signed: str


class Kept(NamedTuple):
    """What is known of a chain beside its blocks: the last that audit_event holds, and the last that an anchor names."""

    projected: int
    anchored: int


def lock(database: IndexDatabase, at: Transaction) -> None:
    """Let nobody else make anchors, or remove what they name, until the transaction ends."""
    if database.shared:
        at.rows("LOCK TABLE audit_anchor IN EXCLUSIVE MODE")


def last_anchor(at: Snapshot) -> Anchor | None:
    """Return the newest anchor."""
    found = list(at.stream("SELECT number, made, signed FROM audit_anchor ORDER BY number DESC LIMIT 1"))
    return Anchor._make(found[0]) if found else None


def moved(at: Snapshot) -> list[Head]:
    """Return the heads that no anchor names yet."""
    return [Head(chain, number, last, bytes(hash_)) for chain, number, last, hash_ in list(at.stream(_MOVED))]


def add(at: Transaction, anchor: Anchor, heads: Sequence[Head]) -> None:
    """Store an anchor that names ``heads``."""
    at.rows("INSERT INTO audit_anchor (number, made, signed) VALUES (?, ?, ?)", anchor)
    for head in heads:
        at.rows("UPDATE audit_chain SET anchored = ? WHERE chain = ?", (head.number, head.chain))


def anchors(at: Snapshot) -> Iterator[Anchor]:
    """Yield all anchors, the oldest first."""
    number = 0
    while found := list(
        at.stream("SELECT number, made, signed FROM audit_anchor WHERE number > ? ORDER BY number LIMIT 500", (number,))
    ):
        yield from map(Anchor._make, found)
        number = found[-1][0]


def chains(at: Snapshot) -> dict[str, Kept]:
    """Return what is kept of each chain."""
    found = at.stream("SELECT chain, projected, anchored FROM audit_chain ORDER BY chain")
    return {chain: Kept(projected, anchored) for chain, projected, anchored in found}


def count(at: Snapshot) -> int:
    """Return how many blocks there are."""
    return int(next(at.stream("SELECT count(*) FROM audit_block"))[0])


def blocks(at: Snapshot, chain: str = "", size: int = _BLOCKS) -> Iterator[Block]:
    """Yield the blocks of ``chain`` and of the chains after it, in their order; ``size`` are read at a time."""
    for name, place, first, last, hash_, lines in _pages(at, _ALL_BLOCKS, size, (chain, 0)):
        yield Block(name, place, first, last, bytes(hash_), bytes(lines))


def stretch(at: Snapshot, chain: str, after: int, until: int) -> Iterator[Block]:
    """Yield the blocks of ``chain`` with the numbers from ``after`` (which is not one of them) to ``until``."""
    for name, place, first, last, hash_, lines in _pages(at, _ALL_BLOCKS, _BLOCKS, (chain, after)):
        if name != chain or place > until:
            return
        yield Block(name, place, first, last, bytes(hash_), bytes(lines))


def events(at: Snapshot) -> Iterator[Event]:
    """Yield the rows of audit_event in the order of chains and lines."""
    return _pages(at, _ALL_EVENTS, _EVENTS, ("", 0))


def remove(at: Transaction, head: Head, *, whole: bool) -> None:
    """Remove the blocks of a chain up to ``head``, and their rows of audit_event; ``whole``: nothing is left of it."""
    at.rows("DELETE FROM audit_block WHERE chain = ? AND number <= ?", (head.chain, head.number))
    at.rows("DELETE FROM audit_event WHERE chain = ? AND seq <= ?", (head.chain, head.last))
    if whole:
        at.rows("DELETE FROM audit_chain WHERE chain = ?", (head.chain,))


def _pages(at: Snapshot, sql: str, size: int, after: tuple[str, int]) -> Iterator[Any]:
    while found := list(at.stream(sql, (*after, size))):
        yield from found
        after = found[-1][0], found[-1][1]


_MOVED: Final = (
    "SELECT b.chain, b.number, b.last, b.hash FROM audit_chain c JOIN audit_block b ON b.chain = c.chain"
    " AND b.number = (SELECT max(n.number) FROM audit_block n WHERE n.chain = c.chain) WHERE b.number > c.anchored ORDER BY b.chain"
)
_ALL_BLOCKS: Final = (
    "SELECT chain, number, first, last, hash, lines FROM audit_block WHERE (chain, number) > (?, ?) ORDER BY chain, number LIMIT ?"
)
_ALL_EVENTS: Final = f"SELECT {', '.join(COLUMNS)} FROM audit_event WHERE (chain, seq) > (?, ?) ORDER BY chain, seq LIMIT ?"
