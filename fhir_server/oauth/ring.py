"""The keys that sign tokens, one after another: the next one is published before it signs, an old one until its tokens are over.

Each key is a file ``signing-START.pem`` in ``DATA_DIR/keys``, where START is the second (since 1970) from which it signs; the first
one is called ``signing.pem``. So all processes agree without talking to each other, and a restart changes nothing.
"""

import re
from pathlib import Path

from fhir_server.oauth.jwk import SigningKey, VerifyingKey
from fhir_server.oauth.keys import key_in, new_signing_key, signing_key
from fhir_server.oauth.store import SECOND
from fhir_server.oauth.token import LONGEST_LIFETIME

LEAD = 3600
"""Seconds for which a new key is published before it signs, unless told otherwise: longer than others keep what they fetched."""

_FILE = re.compile(r"signing-(\d{1,12})\.pem")
_OVERLAP = LONGEST_LIFETIME + 60  # seconds


class KeyRing:
    """The keys of a data folder as of the last ``look``."""

    def __init__(self, data_dir: Path, now: int) -> None:
        """Read the keys, of which the first is made where there is none; ``now`` is in microseconds. Raises KeyFileError."""
        self._data_dir = data_dir
        self._read: dict[int, SigningKey] = {}
        self.verifying: list[VerifyingKey] = []
        """The public keys whose signatures count; always the same list, whose content ``look`` changes."""
        self.look(now)

    def look(self, now: int) -> None:
        """Read keys that appeared, forget those that are over. Raises KeyFileError."""
        starts = _starts(self._data_dir)
        current = [start for start in starts if not _over(start, starts, now)]
        self._read = {start: self._read.get(start) or _key(self._data_dir, start) for start in current}
        verifying = [self._read[start].verifying for start in sorted(self._read)]
        if verifying != self.verifying:
            self.verifying[:] = verifying

    def signing(self, now: int) -> SigningKey:
        """Return the key that signs at the instant ``now``."""
        return self._read[max(start for start in self._read if start * SECOND <= now)]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set (RFC 7517) under which others verify, the next key included."""
        return {"keys": [self._read[start].jwk() for start in sorted(self._read)]}


def rotate(data_dir: Path, now: int, lead: int = LEAD) -> tuple[str, int]:
    """Make the next key, which signs in ``lead`` seconds, and remove those that are over; return its kid and its first second.

    When one is waiting already, that one is returned. Raises KeyFileError.
    """
    starts = _starts(data_dir)
    if starts == {0}:
        signing_key(data_dir)
    for start in starts:
        if _over(start, starts, now):
            _path(data_dir, start).unlink(missing_ok=True)
    waiting = [start for start in starts if start * SECOND > now]
    start = min(waiting, default=now // SECOND + lead)
    key = new_signing_key(data_dir, _path(data_dir, start).name)
    return key.kid, start


def _starts(data_dir: Path) -> set[int]:
    found = (_FILE.fullmatch(path.name) for path in (data_dir / "keys").glob("signing-*.pem"))
    later = {int(match[1]) for match in found if match}
    return later | {0} if not later or _path(data_dir, 0).exists() else later


def _over(start: int, starts: set[int], now: int) -> bool:
    """Tell whether the key that follows this one has signed for so long that no token of this one is left."""
    return any(other > start and (other + _OVERLAP) * SECOND <= now for other in starts)


def _key(data_dir: Path, start: int) -> SigningKey:
    return signing_key(data_dir) if start == 0 else key_in(_path(data_dir, start))


def _path(data_dir: Path, start: int) -> Path:
    return data_dir / "keys" / ("signing.pem" if start == 0 else f"signing-{start}.pem")
