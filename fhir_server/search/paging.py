"""The tokens of ``next`` links: opaque, unforgeable, of use to one caller only, and without anything readable of the search.

AES-SIV (https://www.rfc-editor.org/rfc/rfc5297) encrypts and authenticates at once, without a nonce to get wrong.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fhir_server.errors import BadRequest, Forbidden, Gone
from fhir_server.search.tree import Cursor, Snapshot, SortValue

LIFETIME = 3_600_000_000
MAX_LENGTH = 6000
_PURPOSE = b"search paging 2"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a search goes on: the parameters of its first page, and the end of the last one. ``path`` is what was searched.

    ``snapshot`` is what had been written when the first page was read, ``total`` the number of matches that it told, None if none.
    ``beside`` is where what is at the sources was left, in a search of both; empty when nothing of it was shown, None when there is
    no more of it.
    """

    path: str
    parameters: tuple[tuple[str, str], ...]
    cursor: Cursor
    snapshot: Snapshot | None = None
    total: int | None = None
    beside: tuple[SortValue, ...] | None = None


class Pager:
    """Makes and opens tokens with a key derived from ``secret`` (at least 32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:  # noqa: PLR2004 - 256 bits
            raise ValueError("the secret of the paging tokens has less than 32 bytes")
        self._cipher = AESSIV(HKDF(algorithm=SHA512(), length=64, salt=None, info=_PURPOSE).derive(secret))

    def seal(self, position: Position, caller: str, now: int) -> str:
        """Return a token for ``position`` that ``caller`` may use within an hour from ``now`` (microseconds).

        Raises BadRequest when the search is too long for a link.
        """
        content = [now + LIFETIME, _fingerprint(caller), position.path, *_written(position)]
        token = urlsafe_b64encode(self._cipher.encrypt(orjson.dumps(content), [_PURPOSE])).rstrip(b"=").decode()
        if len(token) > MAX_LENGTH:
            text = "The search is too long to be continued by a link; give fewer values, or a larger '_count'."
            raise BadRequest(text, detail="query-too-long")
        return token

    def open_(self, token: str, caller: str, path: str, now: int) -> Position:
        """Return the position that ``token`` holds.

        Raises BadRequest for what this server never made or made for another ``path``, Forbidden for the token of another caller
        and Gone for one that is too old.
        """
        until, owner, made_for, *content = self._content(token)
        if owner != _fingerprint(caller):
            raise Forbidden("The page belongs to the search of another caller; start the search again.", detail="page-foreign")
        if made_for != path:
            raise BadRequest("The page belongs to another search; follow the link as it was given.", detail="page-unknown")
        if until <= now:
            raise Gone("The page is more than an hour old; start the search again.", detail="page-expired")
        return _read(path, content)

    def _content(self, token: str) -> Sequence[Any]:
        try:
            sealed = urlsafe_b64decode(token[:MAX_LENGTH].encode("ascii") + b"=" * (-len(token) % 4))
            content: Sequence[Any] = orjson.loads(self._cipher.decrypt(sealed, [_PURPOSE]))
        except (InvalidTag, Error, ValueError):
            text = "The value of '_page' is none that this server gave; follow the 'next' link as it was given."
            raise BadRequest(text, detail="page-unknown") from None
        return content


def _written(position: Position) -> tuple[Any, ...]:
    cursor, snapshot = position.cursor, position.snapshot
    beside = () if position.beside is None else (position.beside,)
    return cursor.values, cursor.row, position.parameters, snapshot and (snapshot.since, snapshot.seen), position.total, *beside


def _read(path: str, content: Sequence[Any]) -> Position:
    (sort, *then), row, parameters, snapshot, total, *beside = content
    cursor = Cursor(sort, row, tuple(then))
    pairs = tuple((name, value) for name, value in parameters)
    left = tuple(beside[0]) if beside else None
    return Position(path, pairs, cursor, Snapshot(*snapshot) if snapshot else None, total, left)


@lru_cache(maxsize=1024)
def _fingerprint(caller: str) -> str:
    return sha256(caller.encode()).hexdigest()[:32]
