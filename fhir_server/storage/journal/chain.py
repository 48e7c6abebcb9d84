"""A chain of lines in blocks: the hash of a line is that over the hash of the line before it and the digest of its own text.

A block holds the lines that were recorded at once, and the hash of its last. So whoever knows the digest of a line, and not what it
says, can still follow the chain over it.

A chain belongs to one connection, which does one transaction at a time: it is serial without a lock, and a transaction that does
not come about leaves it where it was. What ran into an unknown end is abandoned; another chain begins.
"""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

_ID_BYTES = 8
_ORIGIN = b"audit chain "


class Block(NamedTuple):
    """Lines ``first`` to ``last`` of a chain, both counted from 1, in its block ``number``, also from 1."""

    chain: str
    number: int
    first: int
    last: int
    hash: bytes
    lines: bytes


class Head(NamedTuple):
    """How far a chain has come: its newest block (0: there is none yet) and line, and the hash over all of it."""

    chain: str
    number: int
    last: int
    hash: bytes


def origin(chain: str) -> Head:
    """Return where ``chain`` begins; its name is hashed, so that blocks cannot be moved to another chain."""
    return Head(chain, 0, 0, sha256(_ORIGIN + chain.encode()).digest())


def follow(head: Head, lines: bytes, count: int) -> Block:
    """Return the block of ``count`` lines that follows ``head``."""
    hash_ = head.hash
    for line in texts(lines):
        hash_ = linked(hash_, digest(line))
    return Block(head.chain, head.number + 1, head.last + 1, head.last + count, hash_, lines)


def texts(lines: bytes) -> Sequence[bytes]:
    """Return the text of each of ``lines``, without the newline that ends it."""
    return lines.removesuffix(b"\n").split(b"\n")


def digest(line: bytes) -> bytes:
    """Return what stands for the text of a line in its chain."""
    return sha256(line).digest()


def linked(previous: bytes, digest_: bytes) -> bytes:
    """Return the hash of a line with this digest, after one with the hash ``previous``."""
    return sha256(previous + digest_).digest()


class Chain:
    """A chain as its writer knows it."""

    def __init__(self) -> None:
        """Begin a new one."""
        self.head = origin(secrets.token_hex(_ID_BYTES))

    @property
    def begun(self) -> bool:
        """Tell whether it has a block."""
        return self.head.number > 0

    def block(self, lines: Sequence[bytes]) -> Block:
        """Return the next block; the chain goes on after it once ``advance`` says that it is durable."""
        return follow(self.head, b"".join(lines), len(lines))

    def advance(self, block: Block) -> None:
        """Go on after ``block``."""
        self.head = Head(block.chain, block.number, block.last, block.hash)
