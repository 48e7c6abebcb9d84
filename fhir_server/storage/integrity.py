"""How the store refuses a commit after which a reference would lead nowhere."""

from collections.abc import Collection, Sequence
from typing import Final


class Dangling(Exception):
    """A resource would refer to what is not there: the ``missing`` among what the changes require ("Type/id")."""

    def __init__(self, missing: Collection[str]) -> None:
        """Name what is ``missing``."""
        super().__init__(f"{len(missing)} references would dangle")
        self.missing = frozenset(missing)


class StillReferred(Exception):
    """What is to be deleted, ``target``, is referred to by ``referrers`` ("Type/id"), of which MOST_REFERRERS are told.

    They were found without a grant: whoever answers a caller looks first which of them the caller may see.
    """

    def __init__(self, target: str, referrers: Sequence[str]) -> None:
        """Name both."""
        super().__init__(f"{len(referrers)} resources still refer to it")
        self.target = target
        self.referrers = tuple(sorted(referrers))


MOST_REFERRERS: Final = 1_000
