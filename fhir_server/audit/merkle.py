"""Merkle trees over lines of the record, as RFC 9162 hashes them: one line can be shown to be in a tree without the others.

https://www.rfc-editor.org/rfc/rfc9162#section-2.1
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

_LEAF, _NODE = b"\x00", b"\x01"


class Invalid(ValueError):
    """A path does not belong to a tree of that size."""


def leaf(chain: str, seq: int, digest: bytes) -> bytes:
    """Return the hash of the leaf that stands for the line ``seq`` of ``chain``, of which ``digest`` is the SHA-256."""
    return sha256(_LEAF + f"{chain} {seq} ".encode() + digest).digest()


class Tree:
    """A tree that grows by one leaf at a time, and remembers no more than the roots of its full parts."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begin with ``leaves`` (hashes)."""
        self._parts: list[bytes] = []
        self.size = 0
        for each in leaves:
            self.add(each)

    def add(self, leaf_: bytes) -> None:
        """Add the hash of the next leaf."""
        size, self.size = self.size, self.size + 1
        while size & 1:
            leaf_ = _node(self._parts.pop(), leaf_)
            size >>= 1
        self._parts.append(leaf_)

    def root(self) -> bytes:
        """Return the hash over all leaves."""
        if not self._parts:
            return sha256().digest()
        found = self._parts[-1]
        for part in reversed(self._parts[:-1]):
            found = _node(part, found)
        return found


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return what has to be known beside the leaf ``index`` to come to the root: the inclusion proof, from below."""
    size = len(leaves)
    if size == 1:
        return []
    half = 1 << (size - 1).bit_length() - 1
    left, right = leaves[:half], leaves[half:]
    if index < half:
        return [*path(left, index), Tree(right).root()]
    return [*path(right, index - half), Tree(left).root()]


def root_by(path_: Sequence[bytes], leaf_: bytes, index: int, size: int) -> bytes:
    """Return the root to which ``path_`` leads from the leaf ``index`` of ``size``. Raises Invalid (RFC 9162, 2.1.3.2)."""
    at, last, found = index, size - 1, leaf_
    if not 0 <= index < size:
        raise Invalid(f"there is no leaf {index} in a tree of {size}")
    for each in path_:
        if not last:
            raise Invalid("the path is too long")
        if at & 1 or at == last:
            found = _node(each, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, each)
        at, last = at >> 1, last >> 1
    if last:
        raise Invalid("the path is too short")
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
