"""The index rows of a resource, and the keys under which they are found.

One narrow row ``(key, sort, high)`` per value. ``key`` is a 64-bit hash of what is looked up by equality; ``sort`` orders what
has the same key, so that "equal to, newest first, next page" is one range scan; ``high`` says more about the value:

=========  =============================  ==========================  ==========================================
value      key                            sort                        high
=========  =============================  ==========================  ==========================================
(all)      type                           the type's main date        which parameters have a value, a bit each
token      type, parameter, code          the type's main date        hash of the system (0 when there is none)
reference  type, parameter, "Type/id"     the type's main date        0
uri        type, parameter, value         the type's main date        0
date       type, parameter                first instant of the value  last instant of the value, exclusive
number     type, parameter                the number (search/numbers) the next number, or the end of a range
link       U+001F "link", "Type/id"      the type's main date        0 (a reference that no parameter covers)
author     U+001F "author", "Type/id"    the type's main date        key of what that person made (search/authorship)
author     U+001F "author", type, "?"    the type's main date        0 (an author who is unknown)
tally      type, parameters, values       key of the dossier          0 (search/tally)
=========  =============================  ==========================  ==========================================

What a parameter finds in further ways is kept under names of its own instead of the parameter's code: ``owner:identifier``,
``identifier:of-type`` (value: code and value, high: the system of the type), ``code:text``, ``url:below``, a quantity with its unit
(``quantity.unit_form``), and the last part of a composite with what the other parts are (``composite.within``).

A reference parameter that finds those of one type among the values of another one (``patient`` among ``subject``) has no rows of
its own for them: ``references.reference_key``.

A parameter without a bit of its own (``definitions.OWN``) has instead a token "true" of "parameter:present" where it has a value.

A string is a ``TextRow``: key of type and parameter, and the normalised text itself. What an answer is sorted by is an
``OrderRow``: key of type, parameter and "sort", and the start of the text. Strings have one, and tokens, references and uris where
the catalogue says so.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

US = "\x1f"  # between the parts of what is hashed
PRESENT = "present"
EARLIEST = -(2**62)
LATEST = 2**62
NO_SYSTEM = 0


START = 64
"""So many characters of a string are compared when an answer is sorted."""


def storable(text: str) -> str:
    """Return ``text`` as both engines can hold it: NUL becomes the replacement character."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def key(*parts: str) -> int:
    """Hash ``parts`` to a signed 64-bit integer.

    BLAKE2b, so that nobody can make a value that is found under somebody else's key.
    """
    return int.from_bytes(blake2b(US.join(parts).encode(), digest_size=8).digest(), "big", signed=True)


def system_key(system: str) -> int:
    """Hash the system of a token; none is 0, which takes no room."""
    return key(system) if system else NO_SYSTEM


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


class OrderRow(NamedTuple):
    """One text by which a resource is sorted: the first START characters of the normalised text, storable."""

    key: int
    start: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """Everything the index holds of one resource; ``dossier`` is "Patient/id", or "" for what belongs to no dossier.

    ``tallies`` are rows by which resources are only counted, never found.
    """

    sort: int
    dossier: str
    rows: tuple[IndexRow, ...]
    texts: tuple[TextRow, ...]
    orders: tuple[OrderRow, ...] = ()
    tallies: tuple[IndexRow, ...] = ()
