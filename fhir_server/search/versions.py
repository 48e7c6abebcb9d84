"""Which versions a history is asked for (https://hl7.org/fhir/R4/http.html#history). Instants are microseconds since 1970."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where the previous page of a history ended: when its last version was made, of which resource (row number), which one."""

    updated: int
    row: int
    version: int


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one type, or of the resource ``id`` alone, the newest first.

    ``since``: made at that instant or later. ``at``: current at some moment of the range ``[low, high)``.
    """

    type: str
    id: str = ""
    since: int | None = None
    at: tuple[int, int] | None = None
    count: int = 20
    after: Place | None = None
