"""The keys that seal citizen service numbers, one after another, as files in ``DATA_DIR/keys``.

The first is ``bsn.secret``; the next ones ``bsn-NUMBER-START.secret``, where START is the second (since 1970) from which that key
seals. Until then all processes know of it and search by it too. A key by which nothing is sealed any more becomes
``retired-bsn-...secret``: it still opens what a backup brings back, and nobody searches by it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from fhir_server.model.bsn_seal import KEY_BYTES, BsnSeal, Keys
from fhir_server.oauth.keys import derive, kept_secret, secret
from fhir_server.oauth.store import SECOND

LEAD: Final = 5
"""Seconds for which a new key is known before it seals: longer than a process needs to see it."""
SETTLED: Final = 10
"""Seconds after which what was sealed with the key before has been stored."""
_LOOK: Final = SECOND
_FILE: Final = re.compile(r"(?P<retired>retired-)?bsn(-(?P<number>\d{1,6})-(?P<start>\d{1,12}))?\.secret")
_FIRST: Final = "1"


class NumberKey(NamedTuple):
    """A key: its ``number``, the second from which it seals, its file, and whether it was retired."""

    number: int
    start: int
    name: str
    retired: bool


class NumberKeys:
    """What says which keys there are; called as often as one likes, it looks at the folder once a second."""

    def __init__(self, data_dir: Path, clock: Callable[[], int]) -> None:
        """Look in ``data_dir``; ``clock`` is in microseconds."""
        self._data_dir = data_dir
        self._clock = clock
        self._looked = clock()

    def __call__(self) -> Keys | None:
        """Return the keys, None when the folder was looked at a moment ago."""
        now = self._clock()
        if now - self._looked < _LOOK:
            return None
        self._looked = now
        return read(self._data_dir, now)


def number_seal(data_dir: Path, clock: Callable[[], int]) -> BsnSeal:
    """Return what seals with the keys in ``data_dir``, and sees others that appear there. Raises KeyFileError."""
    return BsnSeal(*read(data_dir, clock()), NumberKeys(data_dir, clock))


def read(data_dir: Path, now: int) -> Keys:
    """Return the keys at the instant ``now`` (microseconds); the first is made where there is none. Raises KeyFileError."""
    if not keys_in(data_dir):
        secret(data_dir, "bsn")
    kept = _kept(data_dir)
    found = [key for key, _ in kept]
    every = {str(key.number): derive(value, f"bsn {key.number}", KEY_BYTES) for key, value in kept}
    used = [each for each in found if not each.retired] or found
    begun = [each for each in used if each.start * SECOND <= now] or used
    return Keys(every, str(max(begun).number), [str(each.number) for each in used])


def _kept(data_dir: Path) -> list[tuple[NumberKey, bytes]]:
    """Return the keys with their secrets. One that is retired meanwhile has another name then: no other is made in its place."""
    while True:
        found = [(each, kept_secret(data_dir, each.name)) for each in keys_in(data_dir)]
        kept = [(key, value) for key, value in found if value is not None]
        if len(kept) == len(found):
            return kept


def keys_in(data_dir: Path) -> list[NumberKey]:
    """Return the keys whose files there are, the oldest first."""
    found = ((path, _FILE.fullmatch(path.name)) for path in (data_dir / "keys").glob("*bsn*.secret"))
    return sorted(
        NumberKey(int(match["number"] or _FIRST), int(match["start"] or 0), path.stem, bool(match["retired"]))
        for path, match in found
        if match
    )


def next_key(data_dir: Path, now: int, lead: int) -> NumberKey:
    """Return the key that is to replace the others: one that is about to, or a new one, which seals in ``lead`` seconds."""
    read(data_dir, now)
    known = keys_in(data_dir)
    used = [each for each in known if not each.retired]
    if len(used) > 1:
        return used[-1]
    number, start = known[-1].number + 1, now // SECOND + lead
    made = NumberKey(number, start, f"bsn-{number}-{start}", retired=False)
    secret(data_dir, made.name)
    return made


def retire(data_dir: Path, last: NumberKey) -> int:
    """Retire every key before ``last``; return how many those are."""
    old = [each for each in keys_in(data_dir) if not each.retired and each.number < last.number]
    for each in old:
        path = data_dir / "keys" / f"{each.name}.secret"
        path.rename(path.with_name(f"retired-{path.name}"))
    return len(old)
