"""Whose identifier it is: how the holder of a token is found, before anything has been decided about them."""

from fhir_server.interactions.services import Services
from fhir_server.search.tree import Query, Token

MOST = 50


async def identified(services: Services, type_: str, system: str, value: str) -> tuple[str, ...]:
    """Return the resources of ``type_`` ("Type/id") with the identifier ``value`` of ``system``, by id."""
    if type_ not in services.catalog.types:
        return ()
    query = Query(type_, Token("identifier", value, system), count=MOST)
    grant = services.gate.locating(type_)
    page = await services.repository.search(grant, query)
    return tuple(sorted(f"{each.type}/{each.id}" for each in page.resources))
