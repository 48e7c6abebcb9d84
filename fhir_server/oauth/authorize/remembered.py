"""What a person agreed to before, compared with what is asked now: pure rules."""

from collections.abc import Iterable
from typing import NamedTuple

Right = tuple[str, str]
"""A key of a group and one single right, as ``Groups.rights`` gives them."""


class Remembered(NamedTuple):
    """What is to be remembered after an answer, and whether something that was allowed before is not any more."""

    rights: frozenset[Right]
    less: bool


def covered(asked: frozenset[Right], before: frozenset[Right]) -> bool:
    """Tell whether all that is asked was agreed to before."""
    return asked <= before


def after(before: frozenset[Right], asked: frozenset[Right], kept: Iterable[str]) -> Remembered:
    """Return what holds when of ``asked`` the keys ``kept`` were left on: the answer is newer than what was agreed ``before``."""
    on = set(kept)
    off = frozenset(right for right in asked if right[0] not in on)
    return Remembered((before - off) | (asked - off), bool(before & off))
