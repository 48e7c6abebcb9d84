"""Anchors: signed statements of how far each chain of the record has come, each with the hash of the one before it.

What an anchor names can no longer be changed, shortened or left out without a trace. An anchor also tells which old blocks were
removed, so that the rest of their chain can be verified from there. A copy goes to a file, for a witness outside.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.chain import Head
from fhir_server.storage.journal.keeping import Anchor
from fhir_server.storage.reindex.database import IndexDatabase, Transaction

_log = logging.getLogger(__name__)
_SECOND: Final = 1_000_000
Sign = Callable[[Mapping[str, Any]], str]
_HEADS: Final = 30  # of one anchor: a JWS that is read here has 8192 characters at most


def make(database: IndexDatabase, sign: Sign, now: int, least: int = 0) -> list[Anchor]:
    """Store anchors for everything that no anchor names yet, and return them; none when the last one is younger than ``least``.

    ``now`` and ``least`` are in microseconds. That the clock was set back by more than ``least`` is logged, and keeps nothing from
    being anchored.
    """

    def work(at: Transaction) -> list[Anchor]:
        keeping.lock(database, at)
        last = keeping.last_anchor(at)
        if last is not None and now - last.made < least:
            if last.made - now < least:
                return []
            _log.error("the clock is behind the last anchor of the record", extra={"seconds": (last.made - now) // _SECOND})
        return state(at, sign, now, keeping.moved(at), ())

    return database.write(work)


def state(at: Transaction, sign: Sign, now: int, heads: Sequence[Head], removed: Sequence[Head]) -> list[Anchor]:
    """Store anchors that name ``heads``, and ``removed`` as the last removed blocks of their chains; return them."""
    both = [("heads", head) for head in heads] + [("removed", head) for head in removed]
    made: list[Anchor] = []
    last = keeping.last_anchor(at)
    for start in range(0, len(both), _HEADS):
        part = both[start : start + _HEADS]
        claims = {name: [_told(head) for kind, head in part if kind == name] for name in ("heads", "removed")}
        number, previous = (last.number + 1, fingerprint(last.signed)) if last else (1, "")
        last = Anchor(number, now, sign({"number": number, "made": now, "previous": previous, **claims}))
        keeping.add(at, last, [head for kind, head in part if kind == "heads"])
        made.append(last)
    return made


def fingerprint(signed: str) -> str:
    """Return by what the next anchor knows this one."""
    return sha256(signed.encode()).hexdigest()


def heads_in(claims: Mapping[str, Any], name: str) -> list[Head]:
    """Return the heads that an anchor names as "heads" or as "removed"."""
    return [Head(chain, number, last, bytes.fromhex(hash_)) for chain, number, last, hash_ in claims[name]]


def _told(head: Head) -> list[Any]:
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
