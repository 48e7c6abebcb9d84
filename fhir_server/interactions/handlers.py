"""The interactions on one type or one resource, by their names in the catalogue, and those on the whole system."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fhir_server.interactions import create, delete, history, patch, read, search, search_system, update, vread
from fhir_server.interactions.call import Answer, Call

Handler = Callable[[Call], Awaitable[Answer]]
HANDLERS: Final[Mapping[str, Handler]] = {
    "read": read.read,
    "vread": vread.vread,
    "history-instance": history.of_instance,
    "history-type": history.of_type,
    "search-type": search.search,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "search-system": search_system.search,
    "history-system": history.of_system,
}
