"""A part of some bytes, as the header Range asks for it (RFC 9110 section 14.1.2)."""

import re
from typing import Final, NamedTuple

_ONE: Final = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})", re.ASCII | re.IGNORECASE)


class Range(NamedTuple):
    """From ``start`` up to ``end``, exclusive."""

    start: int
    end: int


class Unsatisfiable(ValueError):
    """The range lies behind the end."""


def asked(header: str, size: int) -> Range | None:
    """Return the range of ``size`` bytes that ``header`` asks for; None for the whole. Raises Unsatisfiable.

    What cannot be read, and several ranges at once, mean the whole: a server may always give that.
    """
    found = _ONE.fullmatch(header.replace(" ", ""))
    if found is None or found[0].endswith("=-"):
        return None
    if not found["first"]:
        start, end = max(size - int(found["last"]), 0), size
    else:
        start, end = int(found["first"]), min(int(found["last"]) + 1 if found["last"] else size, size)
        if found["last"] and int(found["last"]) < start:
            return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return Range(start, end)
