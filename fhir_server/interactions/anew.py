"""What is read, decided and written anew when somebody else wrote first: no change is lost, none is made on what is past."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from fhir_server.errors import Conflict
from fhir_server.storage.repository import VersionConflict

_Result = TypeVar("_Result")
_ATTEMPTS: Final = 10


async def anew(attempt: Callable[[], Awaitable[_Result]], conflict: str, attempts: int = _ATTEMPTS) -> _Result:
    """Return what ``attempt`` gives, which begins with reading what it changes; raises Conflict, which says ``conflict``.

    That is when others are first each time, so that the store tells every attempt VersionConflict.
    """
    for _ in range(attempts):
        try:
            return await attempt()
        except VersionConflict:
            continue
    raise Conflict(conflict)
