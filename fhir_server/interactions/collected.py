"""A request through a data service of MedMij: a client collects by a PGO what one provider holds.

The client comes from the token, and stands in no parameter (MedMij Resource interface, version 2.2.4).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Collected:
    """Whose data is collected from whom.

    ``patient`` is "Patient/id". ``holder`` are the identifiers ((system, value)) of the organisation whose sources are asked; none:
    it is what this server holds itself, and no source is asked. ``fixed`` are parameters (name, value) that narrow every search.
    """

    patient: str
    holder: frozenset[tuple[str, str]] = frozenset()
    fixed: tuple[tuple[str, str], ...] = ()

    def asks(self, organisation: tuple[tuple[str, str], ...]) -> bool:
        """Tell whether a source of ``organisation`` may be asked."""
        return not self.holder.isdisjoint(organisation)


def total_of(total: int | None, collected: Collected | None, *, whole: bool) -> int | None:
    """Return the ``Bundle.total`` to show: to a PGO none where the page is not the ``whole`` of what matches."""
    return total if collected is None or whole else None
