"""Whether the clock by which everything is recorded can be believed: what the kernel knows of it, and whether it was set meanwhile.

The time service of the machine (NTP, PTP) tells the kernel how far the clock may be off, and adjtimex(2) tells it to whoever asks.
What is found is logged when it begins and when it ends, and shown in the figures; requests are answered all the same.
"""

import ctypes
import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

_log = logging.getLogger(__name__)
_SECOND: Final = 1_000_000
PERIOD: Final = 60.0
"""Seconds between two looks."""
UNKEPT: Final = "the clock of this machine is kept by no time service"
OFF: Final = "the clock of this machine may be off by more than FHIR_SERVER_CLOCK_LIMIT"
STEPPED: Final = "the clock of this machine was set"
_ERROR, _UNSYNCHRONISED = 5, 0x40


class Kept(NamedTuple):
    """What the kernel says: whether a time service keeps the clock, and by how much it may be off (microseconds)."""

    synchronised: bool
    error: int


class Look(NamedTuple):
    """The clock, and one that nobody sets, at one moment (microseconds), and what the kernel says; None where it does not."""

    wall: int
    steady: int
    kept: Kept | None


def found(look: Look, before: Look | None, limit: float) -> dict[str, float]:
    """Return what is wrong with the clock, each with the seconds that it is about; ``limit`` is in seconds."""
    wrong: dict[str, float] = {}
    if look.kept is not None:
        off = look.kept.error / _SECOND
        if not look.kept.synchronised:
            wrong[UNKEPT] = off
        elif off > limit:
            wrong[OFF] = off
    if before is not None:
        step = ((look.wall - before.wall) - (look.steady - before.steady)) / _SECOND
        if abs(step) > limit:
            wrong[STEPPED] = step
    return wrong


class ClockWatch:
    """Looks at ``clock`` with each call; ``limit`` are the seconds that it may be off or be set by, 0: it does not look."""

    def __init__(self, limit: float, clock: Callable[[], int], steady: Callable[[], int], kept: Callable[[], Kept | None]) -> None:
        """Look for the first time."""
        self._limit, self._clock, self._steady, self._kept = limit, clock, steady, kept
        self._last = self._look()
        self._wrong: Mapping[str, float] = {}

    async def __call__(self) -> None:
        """Look, and log what begins and what ends."""
        if not self._limit:
            return
        look = self._look()
        wrong = found(look, self._last, self._limit)
        for text in wrong.keys() - self._wrong.keys():
            _log.error(text, extra={"seconds": round(wrong[text], 3)})
        for text in self._wrong.keys() - wrong.keys() - {STEPPED}:
            _log.info("no longer so: %s", text)
        self._last, self._wrong = look, wrong

    def gauges(self) -> Mapping[str, tuple[str, float]]:
        """Return by how much the clock may be off and whether anything is wrong with it, as ``Metrics`` shows it."""
        shown: dict[str, tuple[str, float]] = {"fhir_clock_wrong": ("Whether the clock of this machine cannot be believed", 0)}
        if self._wrong:
            shown["fhir_clock_wrong"] = (shown["fhir_clock_wrong"][0], 1)
        if self._last.kept is not None:
            shown["fhir_clock_error_seconds"] = (
                "By how much the clock may be off, as the kernel says",
                self._last.kept.error / _SECOND,
            )
        return shown

    def _look(self) -> Look:
        return Look(self._clock(), self._steady(), self._kept())


def steady() -> int:
    """Return microseconds that pass also while the machine sleeps, and that nobody can set."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME if hasattr(time, "CLOCK_BOOTTIME") else time.CLOCK_MONOTONIC) // 1000


class _Timex(ctypes.Structure):
    """The first fields of ``struct timex``, and more room than the rest of it takes (https://man7.org/linux/man-pages/man2/adjtimex.2.html)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 40),
    )


def kernel() -> Kept | None:
    """Return what the kernel says of the clock; None where there is none that can be asked."""
    if sys.platform != "linux":
        return None
    told = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    return Kept(state != _ERROR and not told.status & _UNSYNCHRONISED, int(told.maxerror))
