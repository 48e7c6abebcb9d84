"""Removal of what is older than the record has to be kept: whole blocks, from the front of their chains.

An anchor says first what will be removed; ``verify`` goes on from there.
"""

from typing import Final, NamedTuple

from fhir_server.audit.anchors import Sign, grown, state
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Head
from fhir_server.storage.journal.keeping import Anchor
from fhir_server.storage.journal.line import read
from fhir_server.storage.reindex.database import IndexDatabase, Transaction

DAY: Final = 86_400_000_000  # microseconds
LEAST: Final = 1_096
"""Days for which the record is kept at least: three years."""


class Removed(NamedTuple):
    """How many blocks and lines were removed, and the anchors that say so."""

    blocks: int
    lines: int
    anchors: list[Anchor]


def retain(database: IndexDatabase, sign: Sign, now: int, days: int) -> Removed:
    """Remove the blocks of which every line is more than ``days`` old. Raises ValueError for fewer days than LEAST."""
    if days < LEAST:
        raise ValueError(f"the record is kept for {LEAST} days at least, not {days}")

    def work(at: Transaction) -> Removed:
        keeping.lock(database, at)
        olds = [old for chain, kept in keeping.chains(at).items() if (old := _old(at, chain, kept.projected, now - days * DAY))]
        made = state(at, sign, now, grown(at) if olds else (), [head for head, *_ in olds])
        for head, _, _, whole in olds:
            keeping.remove(at, head, whole=whole)
        return Removed(sum(old[1] for old in olds), sum(old[2] for old in olds), made)

    return database.write(work)


def _old(at: Transaction, chain: str, projected: int, before: int) -> tuple[Head, int, int, bool] | None:
    """Return the last old block of a chain, how many blocks and lines are old, and whether all are; None when none is."""
    last, blocks, lines, whole = None, 0, 0, True
    for block in keeping.blocks(at, chain, 1):
        if block.chain != chain:
            break
        if block.number > projected or any(row.recorded >= before for row in read(block.lines)):
            whole = False
            break
        last, blocks, lines = Head(chain, block.number, block.last, block.hash), blocks + 1, lines + block.last - block.first + 1
    return None if last is None else (last, blocks, lines, whole)
