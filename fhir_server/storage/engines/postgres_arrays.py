"""Arrays as PostgreSQL sends and takes them in binary: for many values this costs a fraction of text that is taken apart again.

https://github.com/postgres/postgres/blob/REL_16_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv): dimensions, whether
there is a NULL, the type of the elements, the length and the first index, then each element with its length before it, -1 for NULL.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

_HEAD: Final = Struct("!iiIii")
_LENGTH: Final = Struct("!i")
_BIGINT: Final = Struct("!iq")
_NULL: Final = _LENGTH.pack(-1)
_BOOL, _INT8, _TEXT, _BYTEA = 16, 20, 25, 17  # the numbers of the types, the same in every PostgreSQL


def bigints(values: Sequence[int | None]) -> bytes:
    """Return ``values`` as a bigint[]."""
    pack = _BIGINT.pack
    return _array(_INT8, [_NULL if value is None else pack(8, value) for value in values])


def booleans(values: Sequence[bool]) -> bytes:
    """Return ``values`` as a boolean[]."""
    return _sized(_BOOL, [b"\x01" if value else b"\x00" for value in values])


def texts(values: Sequence[str]) -> bytes:
    """Return ``values`` as a text[], in a database whose encoding is UTF-8 as that of every connection here is."""
    return _sized(_TEXT, [value.encode() for value in values])


def blobs(values: Sequence[bytes]) -> bytes:
    """Return ``values`` as a bytea[]."""
    return _sized(_BYTEA, values)


def _sized(type_: int, values: Sequence[bytes]) -> bytes:
    return _array(type_, [_LENGTH.pack(len(value)) + value for value in values])


def _array(type_: int, elements: Sequence[bytes]) -> bytes:
    if not elements:
        return _HEAD.pack(0, 0, type_, 0, 1)[:12]
    return _HEAD.pack(1, int(_NULL in elements), type_, len(elements), 1) + b"".join(elements)
