"""What stands in the bodies of the store, looked for once in each: the same ones are shown again and again."""

from collections.abc import Callable, Sequence
from typing import Final

_ESCAPE: Final = ord("\\")
_HIDING: Final = (b"\\u00", b"\\/")  # how JSON can hide a letter or a slash
_ROOM: Final = 8_388_608  # bytes of bodies that are kept for each test
_LARGEST: Final = 16_384  # bytes


class _Known(dict[bytes, bool]):
    """What a test says of bodies that it was asked about; all is forgotten when there is no room for another one."""

    def __init__(self, test: Callable[[bytes], bool]) -> None:
        """Begin without any."""
        super().__init__()
        self._test, self._room = test, _ROOM

    def __missing__(self, body: bytes) -> bool:
        """Ask about ``body``, and keep the answer."""
        if len(body) > self._room:
            self.clear()
            self._room = _ROOM
        self._room -= len(body)
        found = self[body] = self._test(body)
        return found


def in_any(test: Callable[[bytes], bool]) -> Callable[[Sequence[bytes]], bool]:
    """Return whether ``test``, which always says the same of the same bytes, holds for one of several stored bodies."""
    # A bytes object knows its hash once it was asked for it, and the store hands out the same object while it keeps a body.
    known = _Known(test).__getitem__

    def of(bodies: Sequence[bytes]) -> bool:
        if len(bodies) == 1:
            return (known if len(bodies[0]) <= _LARGEST else test)(bodies[0])
        return any(map(known if max(map(len, bodies), default=0) <= _LARGEST else test, bodies))

    return of


def may_hide(body: bytes) -> bool:
    """Tell whether names and codes in ``body`` may be written in a way that looking for their bytes does not find."""
    return _ESCAPE in body and any(sign in body for sign in _HIDING)
