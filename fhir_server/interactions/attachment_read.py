"""The content of an attachment, whole or a part of it (RFC 9110 section 14), for whoever may read its message."""

import logging
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from fhir_server.errors import NotFound, RangeNotSatisfiable
from fhir_server.interactions import messages
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read as read_json
from fhir_server.model.meta import http_date, names_tag, seconds_of
from fhir_server.model.ranges import Range, Unsatisfiable, asked
from fhir_server.network.attachment import MESSAGES, attached
from fhir_server.network.message_thread import RETRACTED
from fhir_server.search.tree import Query, ReferenceTo
from fhir_server.storage.attachments.files import Place
from fhir_server.storage.attachments.store import Attachment
from fhir_server.storage.repository import Stored

_log = logging.getLogger(__name__)
_MICROSECONDS: Final = 1_000_000
_MOST: Final = 50
_UNKNOWN: Final = "There is no such attachment that you may read. Check the address, and whether its message is still there."


async def read(call: Call) -> Answer:
    """Answer the content: 200, 206 for one range of it, 304 when the caller has it.

    Raises NotFound for what the caller may not read as for what is not there, RangeNotSatisfiable, and Forbidden when neither scope
    nor role covers any message.
    """
    gate = call.services.gate
    if not gate.permitted(call.actor, "read", MESSAGES):
        gate.grant(call.actor, "read", MESSAGES[0])
    found = await call.services.repository.attachments().find(call.id)
    if found is None:
        raise NotFound(_UNKNOWN, detail="attachment-unknown")
    version = await _of_messages(call, found) if found.claimed else _of_uploader(call, found)
    if not await call.services.attachments.files.present(found.id):
        _log.error("the file of an attachment is missing", extra={"request": call.request, "attachment": found.id})
        raise NotFound(_UNKNOWN, detail="attachment-unknown")
    answer = _answer(call, found)
    shown = found.dossier if found.dossier.startswith("Patient/") else ""
    id_ = found.claimed.partition("/")[2] or found.team.partition("/")[2]
    return replace(answer, id=id_, version=version, dossier=shown, detail=f"attachment {found.id}")


def _of_uploader(call: Call, found: Attachment) -> int:
    """Let through whoever sent the file; raises NotFound. The record tells of the team."""
    bound = call.actor.patient not in {"", found.dossier}
    if bound or found.uploader not in call.actor.people or found.expires <= call.now:
        raise NotFound(_UNKNOWN, detail="attachment-unknown")
    call.entry = call.services.catalog.types["CareTeam"]
    return 0


async def _of_messages(call: Call, found: Attachment) -> int:
    """Let through who may read the message, or one with which it was forwarded, and return the version of that; raises NotFound."""
    type_, _, id_ = found.claimed.partition("/")
    for grant in call.services.gate.permitted(call.actor, "read", [type_]):
        stored = await call.services.repository.read(grant, type_, id_)
        if stored is not None and await _shows(call, found, stored):
            return stored.version
    for grant in call.services.gate.permitted(call.actor, "read", MESSAGES):
        forwarded = Query(grant.type, ReferenceTo("based-on", found.claimed), count=_MOST)
        for stored in (await call.services.repository.search(grant, forwarded)).resources:
            if _names(call, stored.body, found) and await _shows(call, found, stored):
                return stored.version
    raise NotFound(_UNKNOWN, detail="attachment-unknown")


def _names(call: Call, body: bytes, found: Attachment) -> bool:
    """Tell whether a message has the attachment in its payload: nobody could put it there but who forwarded its message."""
    return any(id_ == found.id for _, id_ in attached(read_json(body, OWN).resource, call.services.base))


async def _shows(call: Call, found: Attachment, stored: Stored) -> bool:
    """Tell whether the caller sees the message ``stored`` and, in it, the attachment."""
    call.touched.find([stored])
    if not stored.visible or stored.deleted:
        return False
    if _names(call, stored.body, found) and not _names(call, await messages.shown(call, stored.body), found):
        return False
    if read_json(stored.body, OWN).resource.get("status") == RETRACTED and call.actor.role != "system":
        return False
    call.entry = call.services.catalog.types[stored.type]
    return True


def _answer(call: Call, found: Attachment) -> Answer:
    tag, made = f'"{found.sha256[:32]}"', http_date(found.created)
    headers: tuple[tuple[str, str], ...] = (
        ("etag", tag),
        ("last-modified", made),
        ("accept-ranges", "bytes"),
        ("content-disposition", disposition(found.name)),
    )
    if _unchanged(call, tag, found.created):
        return Answer(304, headers=headers)
    part = _part(call, found.size, tag, made)
    start, end = part or Range(0, found.size)
    stream = call.services.attachments.files.read(Place(found.id, found.salt), found.size, start, end)
    if part is None:
        return Answer(200, headers=headers, media=found.media, stream=stream, length=found.size)
    headers = (*headers, ("content-range", f"bytes {start}-{end - 1}/{found.size}"))
    return Answer(206, headers=headers, media=found.media, stream=stream, length=end - start)


def _unchanged(call: Call, tag: str, created: int) -> bool:
    if "if-none-match" in call.headers:
        return names_tag(call.headers.get("if-none-match"), tag)
    since = seconds_of(call.headers.get("if-modified-since")) if "if-modified-since" in call.headers else None
    return since is not None and created // _MICROSECONDS <= since


def _part(call: Call, size: int, tag: str, made: str) -> Range | None:
    """Return the range that is asked for, None for the whole: also when the caller has a part of something else."""
    if "if-range" in call.headers and call.headers.get("if-range") not in {tag, made}:
        return None
    try:
        return asked(call.headers.get("range"), size)
    except Unsatisfiable:
        error = RangeNotSatisfiable(f"The content ends after {size} bytes. Ask for a part of it.")
        error.headers = ((b"content-range", f"bytes */{size}".encode()),)
        raise error from None


def disposition(name: str) -> str:
    """Return the Content-Disposition of a file to keep (RFC 6266), with its name for all clients."""
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"\\%' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
