"""Verification of the record: every chain is computed anew, and compared with the anchors and with the table that is searched."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from fhir_server.audit.anchors import Rooted, fingerprint, heads_in, trees_in
from fhir_server.audit.merkle import Tree, leaf
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Block, Head, digest, follow, origin, texts
from fhir_server.storage.journal.keeping import Anchor, Kept
from fhir_server.storage.journal.line import Unreadable
from fhir_server.storage.journal.projection import Event, events
from fhir_server.storage.reindex.database import Snapshot

Open = Callable[[str], Mapping[str, Any]]
"""Returns what a signed anchor says; raises ValueError for one that the hub did not sign."""
Progress = Callable[[int, int], None]
_NOTHING = Kept(0, 0)


class Broken(Exception):
    """The record is not what was written; the text says where it goes wrong first, and how."""


@dataclass
class Anchored:
    """What the anchors say: heads by chain and number, trees likewise, where removal has come, and how many anchors they are."""

    heads: dict[str, dict[int, Head]] = field(default_factory=dict)
    trees: dict[str, dict[int, Rooted]] = field(default_factory=dict)
    removed: dict[str, Head] = field(default_factory=dict)
    count: int = 0


@dataclass
class Sound:
    """What was verified."""

    chains: int = 0
    blocks: int = 0
    lines: int = 0
    anchors: int = 0


def verify(at: Snapshot, open_: Open, copies: Sequence[str], progress: Progress = lambda _done, _total: None) -> Sound:
    """Verify the record as ``at`` shows it; ``copies`` are anchors that were kept elsewhere. Raises Broken."""
    anchored = anchored_in(keeping.anchors(at), open_, copies)
    kept = keeping.chains(at)
    sound, total = Sound(anchors=anchored.count), keeping.count(at)
    projection = _Projection(keeping.events(at))
    seen: set[str] = set()
    for chain, blocks in groupby(keeping.blocks(at), attrgetter("chain")):
        projection.require_before(chain)
        seen.add(chain)
        _chain(chain, blocks, kept.get(chain, _NOTHING), anchored, projection, sound, lambda: progress(sound.blocks, total))
    projection.require_end()
    for chain in sorted({*kept, *anchored.heads} - seen):
        _require_gone(chain, kept.get(chain, _NOTHING), anchored)
    return sound


def anchored_in(anchors: Iterable[Anchor], open_: Open, copies: Sequence[str] = ()) -> Anchored:
    """Return what all ``anchors`` of a record say, of which ``copies`` were kept elsewhere. Raises Broken."""
    found = Anchored()
    missing, previous = set(copies), ""
    for expected, anchor in enumerate(anchors, 1):
        if anchor.number != expected:
            raise Broken(f"anchor {expected}: it is missing")
        try:
            claims = open_(anchor.signed)
        except ValueError as error:
            raise Broken(f"anchor {expected}: {error}") from error
        if (claims["number"], claims["made"], claims["previous"]) != (expected, anchor.made, previous):
            raise Broken(f"anchor {expected}: it is not the one that was made after anchor {expected - 1}")
        for head in heads_in(claims, "heads"):
            found.heads.setdefault(head.chain, {})[head.number] = head
        for (chain, number), tree in trees_in(claims).items():
            found.trees.setdefault(chain, {})[number] = tree
        found.removed |= {head.chain: head for head in heads_in(claims, "removed")}
        found.count, previous = expected, fingerprint(anchor.signed)
        missing.discard(anchor.signed)
    if missing:
        raise Broken(
            f"anchor {_number(min(missing), open_)}: the copy of it is not, or not so, among the {found.count} in the database"
        )
    return found


def _number(copy: str, open_: Open) -> str:
    try:
        return str(open_(copy)["number"])
    except ValueError:
        return "of a copy"


def _chain(
    chain: str,
    blocks: Iterator[Block],
    kept: Kept,
    anchored: Anchored,
    projection: "_Projection",
    sound: Sound,
    progress: Callable[[], None],
) -> None:
    head = anchored.removed.get(chain, origin(chain))
    heads = {number: named for number, named in anchored.heads.get(chain, {}).items() if number > head.number}
    growing = _Growing(anchored.trees.get(chain, {}))
    for block in blocks:
        _require_follows(head, block, projection)
        growing.require(block)
        head = Head(chain, block.number, block.last, block.hash)
        if heads.pop(block.number, head) != head:
            raise Broken(f"chain {chain}, block {block.number}: an anchor names another block in its place")
        if block.number <= kept.projected:
            projection.require(block)
        sound.blocks += 1
        sound.lines += block.last - block.first + 1
        progress()
    _require_reaches(head, heads, kept)
    sound.chains += 1


def _require_follows(head: Head, block: Block, projection: "_Projection") -> None:
    place = f"chain {block.chain}, block {block.number}"
    if block.number != head.number + 1:
        raise Broken(f"chain {block.chain}, block {head.number + 1}: it is missing")
    count = block.lines.count(b"\n")
    if block != follow(head, block.lines, count):
        line = projection.first_difference(block)
        raise Broken(
            f"{place}, {line}: it does not hash to what its block says" if line else f"{place}: its hash or place was changed"
        )
    if not count or not block.lines.endswith(b"\n"):
        raise Broken(f"{place}: it holds no lines of the record")


def _require_reaches(head: Head, heads: Mapping[int, Head], kept: Kept) -> None:
    end = max([*heads, kept.projected, kept.anchored])
    if end > head.number:
        raise Broken(f"chain {head.chain}, block {head.number + 1}: it is missing, and the chain went on to block {end} at least")


def _require_gone(chain: str, kept: Kept, anchored: Anchored) -> None:
    """Require that a chain without blocks had none, or that an anchor says they were removed."""
    removed = anchored.removed.get(chain, origin(chain))
    _require_reaches(removed, anchored.heads.get(chain, {}), kept)


class _Growing:
    """The trees that the anchors name in one chain, grown again out of its blocks; those of which lines were removed are not."""

    def __init__(self, named: Mapping[int, Rooted]) -> None:
        self._named = named
        self._firsts = {tree.first for tree in named.values()}
        self._tree: Tree | None = None

    def require(self, block: Block) -> None:
        """Let the tree grow by ``block``; where one ends its root must be what the anchor says."""
        if block.first in self._firsts:
            self._tree = Tree()
        if self._tree is None:
            return
        for seq, text in enumerate(texts(block.lines), block.first):
            self._tree.add(leaf(block.chain, seq, digest(text)))
        named = self._named.get(block.number)
        if named is not None and named.root != self._tree.root():
            raise Broken(
                f"chain {block.chain}, block {block.number}: an anchor names another tree for its lines from {named.first} on"
            )


class _Projection:
    """The rows of audit_event, gone through in the order of the chains."""

    def __init__(self, rows: Iterator[Event]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def require(self, block: Block) -> None:
        """Require that the next rows are those of ``block``."""
        try:
            wanted = events(block.chain, block.first, block.lines)
        except Unreadable as error:
            raise Broken(f"chain {block.chain}, block {block.number}: {error}") from error
        for event in wanted:
            if self._next != event:
                what = "is missing" if self._next is None or tuple(self._next[:2]) != event[:2] else "differs"
                surplus = self._next is not None and tuple(self._next[:2]) < event[:2]
                place = f"chain {block.chain}, block {block.number}, line {event[1]}"
                raise Broken(_surplus(self._next) if surplus else f"{place}: its row in audit_event {what}")
            self._next = next(self._rows, None)

    def first_difference(self, block: Block) -> str:
        """Name the first line of a broken block that differs from its row, "" when that cannot be told."""
        try:
            wanted = events(block.chain, block.first, block.lines)
        except Unreadable:
            return ""
        for event in wanted:
            if self._next is None or tuple(self._next[:2]) != event[:2]:
                return ""
            if self._next != event:
                return f"line {event[1]}"
            self._next = next(self._rows, None)
        return ""

    def require_before(self, chain: str) -> None:
        """Require that no row is left of the chains before ``chain``."""
        if self._next is not None and self._next[0] < chain:
            raise Broken(_surplus(self._next))

    def require_end(self) -> None:
        """Require that no row is left."""
        if self._next is not None:
            raise Broken(_surplus(self._next))


def _surplus(event: Event | None) -> str:
    assert event is not None
    return f"chain {event[0]}, line {event[1]}: audit_event has a row for it, and the journal no line"
