"""How the store refuses a commit after which a reference would lead nowhere."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from fhir_server.search.rows import key
from fhir_server.storage.repository import Change


class Dangling(Exception):
    """A resource would refer to what is not there: ``missing``, of what the changes require ("Type/id", "Type/id/_history/n")."""

    def __init__(self, missing: Collection[str]) -> None:
        """Name what is ``missing``."""
        super().__init__(f"{len(missing)} references would dangle")
        self.missing = frozenset(missing)


def wanted_versions(changes: Iterable[Change]) -> dict[tuple[int, int], str]:
    """Return the versions that ``changes`` require, "Type/id/_history/n", each by the key of the resource and its number."""
    wanted = {}
    for each in (each for change in changes for each in change.versions):
        reference, _, number = each.partition("/_history/")
        wanted[key(reference), int(number)] = each
    return wanted


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
