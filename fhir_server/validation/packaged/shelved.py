"""The profiles of the packages that are on the shelf at the moment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fhir_server.catalog.packages.shelf import Kept, Shelf

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles


class ShelvedProfiles:
    """Looks at the shelf before each use, so that a package that comes or goes needs no restart; without one nothing is loaded."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._own: Profiles | None = None
        self._kept: tuple[tuple[tuple[str, int], ...], Profiles | None] = ((), None)

    def is_empty(self) -> bool:
        """Tell whether there are no packages."""
        return self._shelf is None or not self._shelf.stamp()

    def current(self) -> "Profiles | None":
        """Return the profiles, None while there are no packages. Raises PackageError for a damaged one."""
        if self._shelf is None:
            return None
        stamp, kept = self._shelf.stamp(), self._kept
        if stamp != kept[0]:
            kept = self._kept = (stamp, _profiles(self._shelf.packages()) if stamp else None)
        return kept[1]

    def known(self) -> "Profiles":
        """Return the same, and without packages what this server and R4 define. Raises PackageError for a damaged one."""
        found = self.current()
        if found is None:
            found = self._own = self._own or _profiles(())
        return found


def _profiles(kept: Sequence[Kept]) -> "Profiles":
    from fhir_server.catalog.packages.canonical import Canonicals  # noqa: PLC0415 - not for a hub without packages
    from fhir_server.validation.packaged.engine import Profiles  # noqa: PLC0415

    return Profiles(Canonicals(kept))
