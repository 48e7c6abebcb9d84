"""Which declared sources may hold something about a patient.

A source is asked only when the organisation whose system it is takes part in the care of the patient: the care team names the
organisations, and ``sources.toml`` says which organisation each source belongs to.
"""

from collections.abc import Collection, Iterable

from adapters.contract import Source

Identifier = tuple[str, str]


def locate(organisations: Collection[Identifier], sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources of ``organisations`` ((system, value) pairs), in the order of their declaration."""
    known = frozenset(organisations)
    return tuple(source for source in sources if not known.isdisjoint(source.organisation))
