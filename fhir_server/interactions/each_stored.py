"""All stored resources that match, for what the hub does by itself: page after page, each as it is when its page is read."""

from collections.abc import AsyncIterator
from typing import Final

from fhir_server.interactions.services import Services
from fhir_server.search.tree import Node, Query
from fhir_server.storage.repository import Stored

_AT_ONCE: Final = 100


async def each_stored(services: Services, type_: str, where: Node, at_once: int = _AT_ONCE) -> AsyncIterator[Stored]:
    """Yield the resources of ``type_`` that match ``where``, whoever may see them; ``at_once`` are read with one statement."""
    grant, query = services.gate.locating(type_), Query(type_, where, count=at_once)
    while True:
        page = await services.repository.search(grant, query)
        for each in page.resources:
            yield each
        if not page.more:
            return
        query = Query(type_, where, count=at_once, after=page.resources[-1].cursor)
