"""A place in a care team."""

from typing import NamedTuple


class Seat(NamedTuple):
    """Somebody's place in the care team ``team`` ("CareTeam/id"), from ``start`` until ``end`` (microseconds)."""

    team: str
    start: int
    end: int
