"""The index rows of a resource, and the keys under which they are found.

One narrow row ``(key, sort, high)`` per value. ``key`` is a 64-bit hash of what is looked up by equality; ``sort`` orders what
has the same key, so that "equal to, newest first, next page" is one range scan; ``high`` says more about the value:

=========  =============================  ==========================  ==========================================
value      key                            sort                        high
=========  =============================  ==========================  ==========================================
(all)      type                           the type's main date        which parameters have a value, a bit each
token      type, parameter, code          the type's main date        hash of the system ("" when there is none)
reference  type, parameter, "Type/id"     the type's main date        hash of "Type/id"
uri        type, parameter, value         the type's main date        0
date       type, parameter                first instant of the value  last instant of the value, exclusive
=========  =============================  ==========================  ==========================================

A parameter without a bit of its own (``definitions.OWN``) has instead a token "true" of "parameter:present" where it has a value.
A string is a ``TextRow``: key of type and parameter, and the normalised text itself.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

PRESENT = "present"
EARLIEST = -(2**62)
LATEST = 2**62


def key(*parts: str) -> int:
    """Hash ``parts`` to a signed 64-bit integer.

    BLAKE2b, so that nobody can make a value that is found under somebody else's key.
    """
    return int.from_bytes(blake2b("\x1f".join(parts).encode(), digest_size=8).digest(), "big", signed=True)


class IndexRow(NamedTuple):
    """One row of the index."""

    key: int
    sort: int
    high: int


class TextRow(NamedTuple):
    """One row of the text index: the normalised string, and the string as written (for ``:exact``)."""

    key: int
    normal: str
    exact: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """Everything the index holds of one resource; ``dossier`` is "Patient/id", or "" for what belongs to no dossier."""

    sort: int
    dossier: str
    rows: tuple[IndexRow, ...]
    texts: tuple[TextRow, ...]
