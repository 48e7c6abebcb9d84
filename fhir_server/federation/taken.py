"""What is taken of the answer of a source: no more than it may give, all of it FHIR, and about the patient who was asked for."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.guard import Identifier, guard
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Steps, emptied
from fhir_server.federation.readable import readable

LOG = logging.getLogger("fhir_server.federation")
MOST: Final = 10_000
"""Resources in one answer (option ``most_resources``)."""
Make = Callable[[SourceAnswer], Steps[dict[str, Merged]]]
"""Makes resources of the hub, by reference, of an answer that is taken."""
Show = Callable[[SourceAnswer, dict[str, Merged]], Steps[None]]
"""What who asked does with what was made; it stays whole where others asked for it as well."""


@dataclass(frozen=True, slots=True)
class Use:
    """What becomes of the answers about ``client`` ("Patient/id"): ``make`` once of each, ``show`` by everybody who asked."""

    client: str
    make: Make
    show: Show


class Taken(NamedTuple):
    """What an answer comes to: itself without its resources, or a fault, and what was made of it."""

    answer: Answer
    merged: dict[str, Merged]


def taken(answer: SourceAnswer, asked: Collection[Identifier], make: Make) -> Steps[Taken]:
    """Return ``answer`` to a question about who has the identifiers ``asked``, without its resources, and what is made of them."""
    found = bounded(answer)
    merged: dict[str, Merged] = {}
    if isinstance(found, SourceAnswer):
        found = yield from readable(found)
    if isinstance(found, SourceAnswer):
        found = yield from guard(found, asked)
    if isinstance(found, SourceAnswer):
        merged = yield from make(found)
        found = replace(found, translation=replace(found.translation, resources=()))
    resources = answer.translation.resources
    yield from emptied(resources if isinstance(resources, list) else [])
    return Taken(found, merged)


def bounded(answer: SourceAnswer) -> Answer:
    """Return the answer, or the fault ``too-much`` for more resources than one source may give at once: none is left out unsaid."""
    number, most = len(answer.translation.resources), int(answer.source.options.get("most_resources", MOST))
    if number <= most:
        return answer
    LOG.warning("source %s: %d resources, above %d", answer.source.name, number, most)
    return SourceFault(answer.source, "too-much")
