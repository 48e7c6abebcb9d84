"""What stands in the bodies of the store, looked for once in each: the same ones are shown again and again."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

_ESCAPE: Final = ord("\\")
_HIDING: Final = (b"\\u00", b"\\/")  # how JSON can hide a letter or a slash
_KEPT: Final = 4096
_LARGEST: Final = 16_384  # bytes


def in_any(test: Callable[[bytes], bool]) -> Callable[[Sequence[bytes]], bool]:
    """Return whether ``test``, which always says the same of the same bytes, holds for one of several stored bodies."""
    # A bytes object knows its hash once it was asked for it, and the store hands out the same object while it keeps a body.
    known = lru_cache(maxsize=_KEPT)(test)

    def of(bodies: Sequence[bytes]) -> bool:
        return any(map(known if max(map(len, bodies), default=0) <= _LARGEST else test, bodies))

    return of


def may_hide(body: bytes) -> bool:
    """Tell whether names and codes in ``body`` may be written in a way that looking for their bytes does not find."""
    return _ESCAPE in body and any(sign in body for sign in _HIDING)
