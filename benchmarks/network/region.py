"""Everything in a region, one resource at a time."""

from collections.abc import Iterator

from benchmarks.network.dossier import dossier
from benchmarks.network.people import Json, organizations, professionals
from benchmarks.network.scale import Scale


def region(scale: Scale) -> Iterator[Json]:
    """Yield all resources, those first that others refer to; the memory this takes does not depend on the scale."""
    yield from organizations(scale)
    yield from professionals(scale)
    for number in range(scale.clients):
        yield from dossier(scale, number)
