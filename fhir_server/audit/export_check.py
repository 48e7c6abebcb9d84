"""Verification of an export of the record, by whoever has the file and nothing else.

Every line must follow the one before it, every AuditEvent must be what the text of its line says, and every anchor must name the
hash that the lines come to. What cannot be verified is counted, so that it can be told.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from fhir_server.audit.anchors import fingerprint, heads_in
from fhir_server.audit.export import FORMAT, Asked, shown
from fhir_server.audit.fhir_event import Observer
from fhir_server.audit.verify import Broken, Open
from fhir_server.storage.journal.chain import digest, linked, origin
from fhir_server.storage.journal.line import Unreadable, read

Json = Mapping[str, Any]
Opener = Callable[[Mapping[str, Any]], Open]
"""Returns what reads anchors that were signed with a public key (a JWK); raises ValueError for what is no key."""
_PLACE: Final = {"chain", "seq", "previous", "hash"}
_SHOWN: Final = {"line", "event"}
_HIDDEN: Final = {"digest", "event"}
_WITHHELD: Final = {"last", "withheld"}
_NO_EXPORT: Final = "it is no export of the record, or one that a newer version made"


@dataclass
class Checked:
    """What an export was found to hold.

    ``lines`` are shown, of which ``hidden`` without their text; ``withheld`` have only their digest; ``loose`` lie behind the last
    anchor. ``asked`` is what the export says it was asked for, ``key`` its public key.
    """

    asked: Asked
    key: Mapping[str, Any]
    lines: int = 0
    hidden: int = 0
    withheld: int = 0
    loose: int = 0
    chains: int = 0
    anchors: int = 0


@dataclass
class _Anchored:
    """What the anchors of an export name: hashes by chain and line, and from where on a chain is kept."""

    hashes: dict[str, dict[int, bytes]] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    count: int = 0
    end: Json | None = None


def check(entries: Callable[[], Iterator[bytes]], opener: Opener) -> Checked:
    """Verify the export of which ``entries`` yields the lines, each time from the first. Raises Broken for the first broken one."""
    told = _header(next(entries(), b""))
    found = Checked(Asked(told["since"], told["until"], told["dossier"]), told["key"])
    try:
        open_ = opener(found.key)
    except ValueError as error:
        raise Broken(f"line 1 of the file: its key cannot be used: {error}") from error
    anchored = _anchors(entries(), open_, found.asked)
    found.anchors = anchored.count
    walk = _Walk(found, anchored, Observer(**told["observer"]))
    for number, raw in enumerate(entries(), 1):
        if number > 1 and not raw.startswith((b'{"anchor"', b'{"end"')):
            walk.step(number, _json(number, raw))
    walk.close()
    counted = {"lines": found.lines, "anchors": found.anchors}
    if anchored.end != counted:
        raise Broken(f"the end of the export: it says {json.dumps(anchored.end)}, and the export has {json.dumps(counted)}")
    return found


def _header(raw: bytes) -> dict[str, Any]:
    told = _json(1, raw)
    kinds = {"export": int, "since": int, "until": int, "dossier": str, "observer": dict, "key": dict}
    if any(type(told.get(name)) is not kind for name, kind in kinds.items()) or told["export"] != FORMAT:
        raise Broken(f"line 1 of the file: {_NO_EXPORT}")
    if set(told["observer"]) != set(Observer._fields):
        raise Broken(f"line 1 of the file: {_NO_EXPORT}")
    return told


def _anchors(entries: Iterator[bytes], open_: Open, asked: Asked) -> _Anchored:
    found, last = _Anchored(), None
    for number, raw in enumerate(entries, 1):
        if found.end is not None:
            raise Broken(f"line {number} of the file: it stands behind the end of the export")
        if raw.startswith(b'{"anchor"'):
            last = _anchor(number, str(_only(number, raw, "anchor")), open_, asked, found, last)
        elif raw.startswith(b'{"end"'):
            found.end = _only(number, raw, "end")
    if found.end is None:
        raise Broken("the export has no end: something is missing behind its last line")
    return found


def _anchor(number: int, signed: str, open_: Open, asked: Asked, found: _Anchored, last: tuple[int, str] | None) -> tuple[int, str]:
    try:
        claims = open_(signed)
    except ValueError as error:
        raise Broken(f"line {number} of the file, an anchor: {error}") from error
    try:
        place, previous = claims["number"], claims["previous"]
        named = [(name, head) for name in ("heads", "removed") for head in heads_in(claims, name)]
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"line {number} of the file, an anchor: it does not say what an anchor does") from error
    before = last or (0, "")
    if asked.whole and (place, previous) != (before[0] + 1, before[1]):
        raise Broken(f"line {number} of the file: anchor {place} is not the one that was made after anchor {before[0]}")
    for name, head in named:
        found.hashes.setdefault(head.chain, {})[head.last] = head.hash
        if name == "removed":
            found.removed[head.chain] = head.last
    found.count += 1
    return place, fingerprint(signed)


class _Walk:
    """Goes over the lines of an export; ``_seq`` and ``_hash`` are where it is in the chain ``_chain``."""

    def __init__(self, found: Checked, anchored: _Anchored, observer: Observer) -> None:
        self._found, self._anchored, self._observer = found, anchored, observer
        self._chain, self._seq, self._hash = "", 0, b""
        self._loose = 0
        self._seen: set[str] = set()

    def step(self, number: int, entry: Json) -> None:
        """Go on with one entry, the ``number``-th line of the file."""
        self._require_form(number, entry)
        try:
            chain, seq, previous = str(entry["chain"]), int(entry["seq"]), bytes.fromhex(entry["previous"])
            digests = [bytes.fromhex(each) for each in entry["withheld"]] if "withheld" in entry else [self._own(number, entry)]
            hash_ = bytes.fromhex(entry["hash"])
        except (KeyError, TypeError, ValueError) as error:
            raise Broken(f"line {number} of the file: it is no entry of an export") from error
        place = f"line {number} of the file: chain {chain}, line {seq}"
        if chain != self._chain:
            self._begin(chain, place)
        self._require_follows(seq, previous, place)
        for each in digests:
            self._seq, self._hash = self._seq + 1, linked(self._hash, each)
            self._require_anchored(place)
        if self._hash != hash_ or entry.get("last", self._seq) != self._seq:
            raise Broken(f"{place}: it does not hash to what it says, or does not end there")
        self._count(entry, len(digests))

    def close(self) -> None:
        """End the last chain; raises Broken when a chain that an anchor names is not there."""
        self._end()
        for chain, hashes in sorted(self._anchored.hashes.items()):
            first = self._anchored.removed.get(chain, 0) + 1
            if chain not in self._seen and self._found.asked.whole and max(hashes) >= first:
                raise Broken(f"chain {chain}, line {first}: it is missing, with all of its chain")

    def _require_form(self, number: int, entry: Json) -> None:
        """Raise Broken for what an export of this kind cannot hold: nobody would look at it, or tell that it was not verified."""
        asked, more = self._found.asked, entry.keys() - _PLACE
        hides = bool(asked.dossier) and more == _HIDDEN
        withholds = not asked.whole and more == _WITHHELD
        if not (more == _SHOWN or hides or withholds):
            raise Broken(f"line {number} of the file: it is no entry of such an export")

    def _own(self, number: int, entry: Json) -> bytes:
        """Return the digest of a line that is shown, whose AuditEvent must be what its text says."""
        if "digest" in entry:
            return bytes.fromhex(entry["digest"])
        text = str(entry["line"]).encode()
        place, asked = f"line {number} of the file: chain {entry['chain']}, line {entry['seq']}", self._found.asked
        try:
            (row,) = read(text + b"\n")
        except (Unreadable, ValueError) as error:
            raise Broken(f"{place}: its text is no line of the record") from error
        if not asked.keeps(row):
            raise Broken(f"{place}: it was not asked for")
        if entry["event"] != shown(asked, self._observer, entry["chain"], entry["seq"], row):
            raise Broken(f"{place}: its AuditEvent is not what its text says")
        return digest(text)

    def _begin(self, chain: str, place: str) -> None:
        self._end()
        if chain in self._seen:
            raise Broken(f"{place}: its chain was over before")
        self._seen.add(chain)
        self._found.chains += 1
        removed = self._anchored.removed.get(chain, 0)
        hash_ = self._anchored.hashes[chain][removed] if removed else origin(chain).hash
        self._chain, self._seq, self._hash, self._loose = chain, removed, hash_, 0

    def _require_follows(self, seq: int, previous: bytes, place: str) -> None:
        named = self._anchored.hashes.get(self._chain, {})
        if seq != self._seq + 1:
            # A stretch that holds nothing that was asked for may be left out, from one anchor to another.
            stretch = not self._found.asked.whole and self._loose == 0 and seq - 1 in named and seq > self._seq
            if not stretch:
                raise Broken(f"chain {self._chain}, line {self._seq + 1}: it is missing; {place} comes next")
            self._seq, self._hash = seq - 1, named[seq - 1]
        if previous != self._hash:
            raise Broken(f"{place}: the hash before it is another one")

    def _require_anchored(self, place: str) -> None:
        named = self._anchored.hashes.get(self._chain, {}).get(self._seq)
        if named is None:
            self._loose += 1
            return
        if named != self._hash:
            raise Broken(f"{place}: an anchor names another hash for line {self._seq}, so that a line up to it was changed")
        self._loose = 0

    def _end(self) -> None:
        if not self._chain:
            return
        last = max(self._anchored.hashes.get(self._chain, {}), default=0)
        if self._seq < last and (self._found.asked.whole or self._loose):
            raise Broken(f"chain {self._chain}, line {self._seq + 1}: it is missing, and an anchor names line {last}")
        self._found.loose += self._loose

    def _count(self, entry: Json, size: int) -> None:
        if "withheld" in entry:
            self._found.withheld += size
            return
        self._found.lines += 1
        self._found.hidden += "line" not in entry


def _only(number: int, raw: bytes, name: str) -> Any:  # noqa: ANN401 - what JSON may hold
    """Return what an entry says as ``name``, beside which it says nothing."""
    found = _json(number, raw)
    if found.keys() != {name}:
        raise Broken(f"line {number} of the file: it is no entry of an export")
    return found[name]


def _json(number: int, raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Broken(f"line {number} of the file: it is no JSON") from error
    if not isinstance(found, dict):
        raise Broken(f"line {number} of the file: it is no entry of an export")
    return found
