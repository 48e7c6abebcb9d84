"""How many cases the tests that draw them take: as many as each says, ``EXAMPLES`` times (``make nightly``)."""

import os

_TIMES = int(os.environ.get("EXAMPLES", "1"))


def examples(count: int) -> int:
    """Return ``count``, or as many more as this run is to draw."""
    return count * _TIMES
