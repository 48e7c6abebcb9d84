"""Who must know what was written, because they keep in memory what came from it."""

from collections.abc import Sequence

from fhir_server.interactions.services import Services
from fhir_server.storage.repository import Change


async def follow(services: Services, changes: Sequence[Change]) -> None:
    """Tell everybody in this process what was just committed; other processes look for themselves, at least once a second."""
    services.standings.follow(changes)
    services.settlements.follow(changes)
    services.bases.follow(changes)
    services.subscriptions.bell.follow(changes)
    await services.parameters.follow(changes)
