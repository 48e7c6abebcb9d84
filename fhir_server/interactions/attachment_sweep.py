"""Removing what was attached to no message in time, and files without a row, which a crash left."""

from typing import Final

from fhir_server.interactions.services import Services

_AT_ONCE: Final = 100
_STRAY: Final = 3_600  # seconds: no upload takes longer, so that an older file without a row belongs to nothing
_SECOND: Final = 1_000_000


async def sweep(services: Services) -> int:
    """Remove them, and return how many files that were. Several processes may do so at once: what one left, the next removes."""
    return await _expired(services) + await _strays(services)


async def _expired(services: Services) -> int:
    store, files = services.repository.attachments(), services.attachments.files
    count = 0
    while ids := await store.expire(services.clock(), _AT_ONCE):
        await files.remove(ids)
        count += len(ids)
    return count


async def _strays(services: Services) -> int:
    store, files = services.repository.attachments(), services.attachments.files
    longest = max(_STRAY, 2 * services.attachments.seconds)
    old = await files.older(services.clock() / _SECOND - longest)
    count = 0
    for start in range(0, len(old), _AT_ONCE):
        strays = await store.unknown(old[start : start + _AT_ONCE])
        await files.remove(strays)
        count += len(strays)
    return count
