"""What is taken of the answer of a source: no more than it may give, all of it FHIR, and about the patient who was asked for."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.guard import Identifier, guard
from fhir_server.federation.pace import Steps, emptied
from fhir_server.federation.readable import readable

LOG = logging.getLogger("fhir_server.federation")
MOST: Final = 10_000
"""Resources in one answer (option ``most_resources``)."""
Then = Callable[[SourceAnswer], Steps[None]]
"""What is done with an answer that is taken."""


def taken(answer: SourceAnswer, asked: Collection[Identifier], then: Then) -> Steps[Answer]:
    """Return ``answer`` to a question about who has the identifiers ``asked``, or what it comes to, without its resources.

    ``then`` is done with what of it may be used.
    """
    found = bounded(answer)
    if isinstance(found, SourceAnswer):
        found = yield from readable(found)
    if isinstance(found, SourceAnswer):
        found = yield from guard(found, asked)
    if isinstance(found, SourceAnswer):
        yield from then(found)
        found = replace(found, translation=replace(found.translation, resources=()))
    resources = answer.translation.resources
    yield from emptied(resources if isinstance(resources, list) else [])
    return found


def bounded(answer: SourceAnswer) -> Answer:
    """Return the answer, or the fault ``too-much`` for more resources than one source may give at once: none is left out unsaid."""
    number, most = len(answer.translation.resources), int(answer.source.options.get("most_resources", MOST))
    if number <= most:
        return answer
    LOG.warning("source %s: %d resources, above %d", answer.source.name, number, most)
    return SourceFault(answer.source, "too-much")
