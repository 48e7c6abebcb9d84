"""The record for others: AuditEvents with what shows that they are what was written, for whoever has no access to the database.

Each entry of an export is a JSON object. The first says what was asked for. Then come the lines, chain by chain, each with the text
that the journal holds, its place, its hash and the hash before it; then the signed anchors, which name hashes; then how many there
were.

An export of one client, or of a period, holds whole stretches between two anchors: in the place of lines that were not asked for it
has their digests (``withheld``), so that the chain can be followed over them. A line that names another client besides is an
AuditEvent with a digest, without its text.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.audit.fhir_event import Observer, event
from fhir_server.audit.verify import Open, anchored_in
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Block, Head, digest, linked, origin, texts
from fhir_server.storage.journal.line import read
from fhir_server.storage.reindex.database import Snapshot
from fhir_server.storage.repository import AuditRow, Logged

Json = dict[str, Any]
FORMAT: Final = 1
_WITHHELD: Final = 1_000  # digests in one entry


@dataclass(frozen=True, slots=True)
class Asked:
    """The lines from ``since`` to ``until`` (microseconds), of one ``dossier`` ("Patient/id") or, with "", of all."""

    since: int
    until: int
    dossier: str = ""

    @property
    def whole(self) -> bool:
        """Tell whether that is all of the record."""
        return not self.dossier and self.since <= EARLIEST and self.until >= LATEST

    def keeps(self, row: AuditRow) -> bool:
        """Tell whether a line was asked for."""
        return self.since <= row.recorded < self.until and (not self.dossier or self.dossier in row.dossier.split())

    def hides(self, row: AuditRow) -> bool:
        """Tell whether the text of a line that was asked for names another client."""
        return bool(self.dossier) and row.dossier != self.dossier


def shown(asked: Asked, observer: Observer, chain: str, seq: int, row: AuditRow) -> Json:
    """Return a line as an AuditEvent for who asked; why a glass was broken is sealed, and no text."""
    clients = [asked.dossier] if asked.dossier else row.dossier.split()
    return event(Logged(0, chain, seq, row._replace(reason="")), observer, {}, clients)


@dataclass
class Export:
    """An export as it is made; ``key`` is the public key of the anchors as a JWK."""

    asked: Asked
    observer: Observer
    key: Mapping[str, str]
    lines: int = 0
    _named: set[tuple[str, int]] = field(default_factory=set)

    def entries(self, at: Snapshot, open_: Open, made: int) -> Iterator[Json]:
        """Yield all entries, at the instant ``made``. Raises Broken when the anchors are."""
        anchored = anchored_in(keeping.anchors(at), open_)
        asked, seen = self.asked, self.observer
        told = {"since": asked.since, "until": asked.until, "dossier": asked.dossier}
        yield {"export": FORMAT, "made": made, **told, "observer": seen._asdict(), "key": dict(self.key)}
        for chain in _by_time(at):
            start = anchored.removed.get(chain, origin(chain))
            yield from self._chain(_of(at, chain), start, {head.last for head in anchored.heads.get(chain, {}).values()})
        count = 0
        for anchor in keeping.anchors(at):
            if asked.whole or self._needs(anchor.signed, open_):
                count += 1
                yield {"anchor": anchor.signed}
        yield {"end": {"lines": self.lines, "anchors": count}}

    def _chain(self, blocks: Iterable[Block], start: Head, ends: set[int]) -> Iterator[Json]:
        stretch = _Stretch(start)
        for block in blocks:
            rows = read(block.lines)
            for seq, (text, row) in enumerate(zip(texts(block.lines), rows, strict=True), block.first):
                own = digest(text)
                # What the block says counts, so that a block which does not fit is seen by who verifies the export.
                hash_ = block.hash if seq == block.last else linked(stretch.hash, own)
                if not self.asked.keeps(row):
                    stretch.withhold(own, hash_)
                else:
                    yield from stretch.withheld()
                    self._named.add((start.chain, stretch.since))
                    yield self._line(stretch, seq, row, text, hash_)
                    stretch.show(seq, hash_)
                if seq in ends:
                    if stretch.shown:
                        self._named.add((start.chain, seq))
                    yield from stretch.end(seq)

    def _line(self, stretch: "_Stretch", seq: int, row: AuditRow, text: bytes, hash_: bytes) -> Json:
        self.lines += 1
        body = {"digest": digest(text).hex()} if self.asked.hides(row) else {"line": text.decode()}
        place = {"chain": stretch.chain, "seq": seq, "previous": stretch.hash.hex(), "hash": hash_.hex()}
        return {**place, **body, "event": shown(self.asked, self.observer, stretch.chain, seq, row)}

    def _needs(self, signed: str, open_: Open) -> bool:
        claims = open_(signed)
        return any((head[0], head[2]) in self._named for name in ("heads", "removed") for head in claims[name])


class _Stretch:
    """The lines of a chain since an anchor: those withheld since the last one shown, and whether any was shown."""

    def __init__(self, start: Head) -> None:
        self.chain, self.since, self.hash = start.chain, start.last, start.hash
        self._first, self._previous = start.last + 1, start.hash
        self._digests: list[bytes] = []
        self.shown = False

    def withhold(self, digest_: bytes, hash_: bytes) -> None:
        self._digests.append(digest_)
        self.hash = hash_

    def show(self, seq: int, hash_: bytes) -> None:
        self.shown = True
        self._go_on(seq, hash_)

    def withheld(self) -> Iterator[Json]:
        previous = self._previous
        for start in range(0, len(self._digests), _WITHHELD):
            part = self._digests[start : start + _WITHHELD]
            first = self._first + start
            place = {"chain": self.chain, "seq": first, "last": first + len(part) - 1, "previous": previous.hex()}
            for each in part:
                previous = linked(previous, each)
            yield {**place, "hash": previous.hex(), "withheld": [each.hex() for each in part]}

    def end(self, seq: int) -> Iterator[Json]:
        if self.shown:
            yield from self.withheld()
        self.since, self.shown = seq, False
        self._go_on(seq, self.hash)

    def _go_on(self, seq: int, hash_: bytes) -> None:
        self.hash = self._previous = hash_
        self._first, self._digests = seq + 1, []


def _by_time(at: Snapshot) -> list[str]:
    """Return the chains in the order in which they begin."""
    begun = []
    for chain in keeping.chains(at):
        first = next(keeping.blocks(at, chain, 1), None)
        if first is not None and first.chain == chain:
            begun.append((read(first.lines)[0].recorded, chain))
    return [chain for _, chain in sorted(begun)]


def _of(at: Snapshot, chain: str) -> Iterator[Block]:
    for block in keeping.blocks(at, chain):
        if block.chain != chain:
            return
        yield block
