"""Removing what was attached to no message in time, and files without a row, which a crash left.

Several processes may do so at once: what one left, the next one removes.
"""

from typing import Final

from fhir_server.interactions.services import Services

_AT_ONCE: Final = 100
_STRAY: Final = 3_600  # seconds: no upload takes longer, so that an older file without a row belongs to nothing
_SECOND: Final = 1_000_000


async def expired(services: Services, now: int) -> None:
    """Remove what no message named in time; with each row its file."""
    store, files = services.repository.attachments(), services.attachments.files
    while ids := await store.expire(now, _AT_ONCE):
        await files.remove(ids)


async def strays(services: Services) -> None:
    """Remove old files without a row."""
    store, files = services.repository.attachments(), services.attachments.files
    longest = max(_STRAY, 2 * services.attachments.seconds)
    old = await files.older(services.clock() / _SECOND - longest)
    for start in range(0, len(old), _AT_ONCE):
        await files.remove(await store.unknown(old[start : start + _AT_ONCE]))
