"""The interactions on one type or one resource, by their names in the catalogue, and those on the whole system."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fhir_server.access.gate import RECORD
from fhir_server.interactions import (
    attachment_read,
    attachment_upload,
    create,
    delete,
    history,
    patch,
    read,
    read_record,
    search,
    search_both,
    search_system,
    update,
    vread,
)
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.route import DOWNLOAD, UPLOAD
from fhir_server.storage.line_id import is_line

Handler = Callable[[Call], Awaitable[Answer]]


def _read(call: Call) -> Awaitable[Answer]:
    handler: Handler = read_record.read if call.type == RECORD and is_line(call.id) else read.read
    return handler(call)


def _search(call: Call) -> Awaitable[Answer]:
    handler: Handler = search_both.search if call.entry.home == "both" else search.search
    return handler(call)


HANDLERS: Final[Mapping[str, Handler]] = {
    "read": _read,
    "vread": vread.vread,
    "history-instance": history.of_instance,
    "history-type": history.of_type,
    "search-type": _search,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "search-system": search_system.search,
    "history-system": history.of_system,
}
FILES: Final[Mapping[str, Handler]] = {UPLOAD: attachment_upload.upload, DOWNLOAD: attachment_read.read}
"""What is no interaction of FHIR: the attachments of messages."""
