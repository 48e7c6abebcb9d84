"""When a delivery that failed is tried again: first within five seconds, then ever later, until the window is used up."""

from typing import Final

_SECOND: Final = 1_000_000
FIRST: Final = (2 * _SECOND, 4 * _SECOND)
"""Microseconds: the first retry comes between these two."""
LONGEST: Final = 3_600 * _SECOND


def delay(attempts: int, chance: float) -> int:
    """Return the microseconds to wait after ``attempts`` failures, at least one.

    ``chance`` (0 to 1) spreads what failed at once.
    """
    if attempts <= 1:
        return FIRST[0] + int(chance * (FIRST[1] - FIRST[0]))
    full = min(FIRST[1] << min(attempts - 1, 32), LONGEST)
    return full // 2 + int(chance * (full // 2))


def following(attempts: int, failing: int, now: int, window: int, chance: float) -> int | None:
    """Return when to try again; None when the window is used up.

    ``attempts`` have failed, the first at ``failing``; ``window`` is how long it goes on (microseconds). The last attempt comes at
    the end of the window.
    """
    if now >= failing + window:
        return None
    return min(now + delay(attempts, chance), failing + window)
