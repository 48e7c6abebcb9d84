"""Anchors: signed statements of how far each chain of the record has come, each with the hash of the one before it.

What an anchor names can no longer be changed, shortened or left out without a trace. With each head stands the root of a Merkle
tree over the lines since the head before, so that one line can be shown to be among them without the others (``proof.py``). An
anchor also tells which old blocks were removed, so that the rest of their chain can be verified from there. A copy goes to a file,
for a witness outside.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from fhir_server.audit.merkle import Tree, leaf
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Head, digest, texts
from fhir_server.storage.journal.keeping import Anchor
from fhir_server.storage.reindex.database import IndexDatabase, Snapshot, Transaction

_log = logging.getLogger(__name__)
_SECOND: Final = 1_000_000
Sign = Callable[[Mapping[str, Any]], str]
_HEADS: Final = 20  # of one anchor: a JWS that is read here has 8192 characters at most


class Grown(NamedTuple):
    """How far a chain has come since its block ``since``: its lines from ``first`` on are leaves of a tree with ``root``."""

    head: Head
    since: int
    first: int
    root: bytes


class Rooted(NamedTuple):
    """What an anchor says of a tree: its first line, and its root."""

    first: int
    root: bytes


def make(database: IndexDatabase, sign: Sign, now: int, least: int = 0) -> list[Anchor]:
    """Store anchors for everything that no anchor names yet, and return them; none when the last one is younger than ``least``.

    ``now`` and ``least`` are in microseconds. That the clock was set back by more than ``least`` is logged, and keeps nothing from
    being anchored.
    """
    with database.snapshot() as before:  # to go over the lines of an hour takes longer than others should wait to write
        trees = [] if _young(keeping.last_anchor(before), now, least) else grown(before)

    def work(at: Transaction) -> list[Anchor]:
        keeping.lock(database, at)
        last = keeping.last_anchor(at)
        if _young(last, now, least):
            return []
        if last is not None and last.made - now >= max(least, 1):
            _log.error("the clock is behind the last anchor of the record", extra={"seconds": (last.made - now) // _SECOND})
        known = keeping.chains(at)
        return state(at, sign, now, [each for each in trees if _goes_on(each, known)], ())

    return database.write(work)


def _young(last: Anchor | None, now: int, least: int) -> bool:
    return last is not None and abs(now - last.made) < least


def _goes_on(tree: Grown, known: Mapping[str, keeping.Kept]) -> bool:
    """Tell whether nobody anchored or removed its chain meanwhile."""
    return tree.head.chain in known and known[tree.head.chain].anchored == tree.since


def grown(at: Snapshot) -> list[Grown]:
    """Return what no anchor names yet."""
    kept = keeping.chains(at)
    return [_grown(at, head, kept[head.chain].anchored) for head in keeping.moved(at)]


def _grown(at: Snapshot, head: Head, since: int) -> Grown:
    tree, first = Tree(), 0
    for block in keeping.stretch(at, head.chain, since, head.number):
        first = first or block.first
        for seq, text in enumerate(texts(block.lines), block.first):
            tree.add(leaf(head.chain, seq, digest(text)))
    return Grown(head, since, first, tree.root())


def state(at: Transaction, sign: Sign, now: int, trees: Sequence[Grown], removed: Sequence[Head]) -> list[Anchor]:
    """Store anchors that name the heads of ``trees``, and ``removed`` as the last removed blocks of their chains; return them."""
    both: list[tuple[str, Grown | Head]] = [("heads", tree) for tree in trees]
    both += [("removed", head) for head in removed]
    made: list[Anchor] = []
    last = keeping.last_anchor(at)
    for start in range(0, len(both), _HEADS):
        part = both[start : start + _HEADS]
        claims = {name: [_told(each) for kind, each in part if kind == name] for name in ("heads", "removed")}
        number, previous = (last.number + 1, fingerprint(last.signed)) if last else (1, "")
        last = Anchor(number, now, sign({"number": number, "made": now, "previous": previous, **claims}))
        keeping.add(at, last, [each.head for _, each in part if isinstance(each, Grown)])
        made.append(last)
    return made


def fingerprint(signed: str) -> str:
    """Return by what the next anchor knows this one."""
    return sha256(signed.encode()).hexdigest()


def heads_in(claims: Mapping[str, Any], name: str) -> list[Head]:
    """Return the heads that an anchor names as "heads" or as "removed"."""
    return [Head(chain, number, last, bytes.fromhex(hash_)) for chain, number, last, hash_, *_ in claims[name]]


def trees_in(claims: Mapping[str, Any]) -> dict[tuple[str, int], Rooted]:
    """Return the trees of an anchor, by chain and number of the block with which each ends."""
    return {(chain, number): Rooted(tree[0], bytes.fromhex(tree[1])) for chain, number, _, _, *tree in claims["heads"] if tree}


def _told(named: Grown | Head) -> list[Any]:
    if isinstance(named, Grown):
        return [*_told(named.head), named.first, named.root.hex()]
    head = named
    return [head.chain, head.number, head.last, head.hash.hex()]


def file_in(data_dir: Path) -> Path:
    """Return where the copies of the anchors are kept."""
    return data_dir / "audit" / "anchors.jws"


def copy(anchors: Sequence[Anchor], file: Path) -> None:
    """Append ``anchors`` to ``file``, one in a line, readable by its owner only."""
    if not anchors:
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as out:
        out.writelines(f"{anchor.signed}\n" for anchor in anchors)
        out.flush()
        os.fsync(out.fileno())


def copied(file: Path) -> list[str]:
    """Return the anchors in ``file``; none when there is no such file. Raises OSError, UnicodeDecodeError."""
    return file.read_text(encoding="ascii").split() if file.exists() else []
