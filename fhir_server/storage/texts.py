"""How strings are kept in ``idx_text``: the first characters in the key, the rest beside it, the written form as a hash.

The split keeps index entries small (PostgreSQL refuses those above 2.7 kB), and a longer value is still compared in full.
"""

from typing import NamedTuple

from fhir_server.search.rows import START, TextRow, key
from fhir_server.search.rows import storable as clean
from fhir_server.search.values import normalise

__all__ = ["LENGTH", "StoredText", "TextKey", "beyond", "clean", "stored"]

LENGTH = START
_LAST = "\U0010ffff"
_BEFORE_SURROGATES, _AFTER_SURROGATES = "\ud7ff", "\ue000"


class StoredText(NamedTuple):
    """One row of ``idx_text`` without its resource."""

    key: int
    start: str
    mark: int
    rest: str


class TextKey(NamedTuple):
    """What a search looks for; ``kind`` is "starts", "long" (starts with more than LENGTH characters), "contains" or "exact"."""

    kind: str
    start: str
    beyond: str
    rest: str
    mark: int

    @classmethod
    def of(cls, value: str, mode: str) -> "TextKey":
        """Return how to look for ``value``; a NUL, which PostgreSQL cannot hold, is looked for as it is stored."""
        whole = clean(value)
        if mode == "contains":
            return cls(mode, whole, "", "", 0)
        if mode == "exact":
            return cls(mode, clean(normalise(value))[:LENGTH], "", "", key(whole))
        start, rest = whole[:LENGTH], whole[LENGTH:]
        return cls("long" if rest else "starts", start, beyond(start), rest, 0)


def stored(row: TextRow) -> StoredText:
    """Return how ``row`` is kept."""
    normal = clean(row.normal)
    return StoredText(row.key, normal[:LENGTH], key(clean(row.exact)), normal[LENGTH:])


def beyond(start: str) -> str:
    """Return the least string above everything that begins with ``start``, by code points."""
    head = start.rstrip(_LAST)
    if not head:
        return _LAST * (LENGTH + 1)
    last = _AFTER_SURROGATES if head[-1] == _BEFORE_SURROGATES else chr(ord(head[-1]) + 1)
    return head[:-1] + last
