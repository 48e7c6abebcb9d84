"""The plan of one search: which source is asked what, through which adapter."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from adapters.contract import Source, SourceAdapter


class Capability(Protocol):
    """What the plan needs to know of an adapter; its manifest says it."""

    @property
    def resource_types(self) -> Collection[str]:
        """The resource types that its answers hold, those that only support others included."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """Ask ``source`` for resources of ``type`` through ``adapter``."""

    source: Source
    adapter: SourceAdapter
    type: str


Plan = tuple[Step, ...]


def plan(
    type_: str,
    located: Iterable[Source],
    capabilities: Mapping[str, Capability],
    adapter: Callable[[str], SourceAdapter],
    categories: Collection[str] | None = None,
) -> Plan:
    """Plan the search for ``type_``: every located source whose adapter answers that type.

    ``categories`` are the data categories that may be asked for (None: all); a source that declares categories is asked only if
    it declares one of them.
    """
    return tuple(
        Step(source, adapter(source.adapter), type_)
        for source in located
        if type_ in capabilities[source.adapter].resource_types and _offered(source, categories)
    )


def _offered(source: Source, categories: Collection[str] | None) -> bool:
    return categories is None or not source.categories or not source.categories.isdisjoint(categories)
