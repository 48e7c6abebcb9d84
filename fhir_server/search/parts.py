"""What parts of resources come to in the index, kept while resources are indexed that have most of them in common.

A message changes the Tasks of a dozen people, each in the same few elements: two dozen resources that differ in little.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fhir_server.model.json import write
from fhir_server.search.rows import IndexRow, TextRow


class Part(NamedTuple):
    """What some elements come to: rows, a bit for each parameter that has a value in them, to what they refer ("Type/id")."""

    rows: Iterable[IndexRow]
    texts: Iterable[TextRow]
    present: int
    targets: Iterable[str]


class Parts:
    """The parts of a few resources of one type; meant to be thrown away with these."""

    def __init__(self, *own: tuple[str, ...]) -> None:
        """Begin with none. ``own`` are the names of elements that each resource has its own of, in groups that go together."""
        self._own = own
        self._named = frozenset(name for group in own for name in group)
        self._known: dict[tuple[int, int, bytes], Part] = {}

    def of(self, resource: Mapping[str, Any], sort: int, part: Callable[[Mapping[str, Any]], Part]) -> Iterator[Part]:
        """Yield what the parts of ``resource`` come to by ``part``, which is given a resource of some elements.

        ``sort`` is the main date of the resource, the only thing besides these elements that ``part`` may depend on.
        """
        named, known = self._named, self._known
        elements = [{name: value for name, value in resource.items() if name not in named}]
        elements += [{name: resource[name] for name in group if name in resource} for group in self._own]
        for number, some in enumerate(elements):
            place = (number, sort, write(some))
            found = known.get(place)
            if found is None:
                found = known[place] = part(some)
            yield found
