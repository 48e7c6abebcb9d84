"""What stands in the bodies of the store, looked for once in each: the same ones are shown again and again."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

_KEPT: Final = 4096
_LARGEST: Final = 16_384  # bytes


def in_any(test: Callable[[bytes], bool]) -> Callable[[Sequence[bytes]], bool]:
    """Return whether ``test``, which always says the same of the same bytes, holds for one of several stored bodies."""
    # A bytes object knows its hash once it was asked for it, and the store hands out the same object while it keeps a body.
    known = lru_cache(maxsize=_KEPT)(test)

    def of(bodies: Sequence[bytes]) -> bool:
        return any(map(known if max(map(len, bodies), default=0) <= _LARGEST else test, bodies))

    return of
