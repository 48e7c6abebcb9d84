"""A file for a message, put aside before the message is there: the "dropbox" of OZO.

``POST clients/{careteam}/attachments`` as multipart/form-data: ``fhir_attachment[file]``, and ``fhir_attachment[resource_id]``
where the message or its thread is there already.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from fhir_server.errors import BadRequest, Forbidden, NoScanner, TooLarge, TooMany, Unprocessable, UnsupportedMedia
from fhir_server.interactions.attachments import FOLDER
from fhir_server.interactions.call import Answer, Call, Part
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.reference import parse
from fhir_server.network.attachment import HEAD, MESSAGES, kinds
from fhir_server.network.careteam import dossier_of
from fhir_server.search.extract import extract
from fhir_server.search.tree import Everything, Nothing
from fhir_server.storage.attachments.files import Place, Sink
from fhir_server.storage.attachments.scanner import ScannerAway
from fhir_server.storage.attachments.store import Attachment, Room

_FILE: Final = "fhir_attachment[file]"
_RESOURCE: Final = "fhir_attachment[resource_id]"
_SECOND: Final = 1_000_000
_LONGEST: Final = 200  # bytes of a reference
_OUTSIDE: Final = "You are no member of this care team. Send the file to a team that you take part in."


async def upload(call: Call) -> Answer:
    """Keep the file that comes with ``call``; 302 with its address as Location.

    Raises Forbidden for who is no member of the team, whether or not there is such a team, and for a message that the caller may
    not see; TooLarge, UnsupportedMedia, Unprocessable (empty, not of its type, or infected), BadRequest, NoScanner, TooMany.
    """
    services = call.services
    dossier = await _admitted(call)
    place = Place(services.new_id(), services.new_id())
    sink = await services.attachments.files.create(place)
    try:
        form = await _received(call, sink)
        await sink.finish()
        message, within = await _named(call, form.resource, dossier) if form.resource.strip() else ("", dossier)
        await _scanned(call, place, form.size)
        kept = replace(_kept(call, place, form), dossier=within, claimed=message)
        await _put(call, kept)
    except BaseException:
        await sink.discard()
        raise
    url = f"{services.base}/{FOLDER}/{place.id}"
    shown = dossier if dossier.startswith("Patient/") else ""
    return Answer(302, headers=[("location", url)], id=call.id, dossier=shown, detail=f"attachment {place.id}")


async def _admitted(call: Call) -> str:
    """Return the dossier of the team that ``call`` names; raises Forbidden unless the caller is a member of it now."""
    services = call.services
    services.gate.posting(call.actor)
    grant = services.gate.locating("CareTeam")
    stored = await services.repository.read(grant, "CareTeam", call.id)
    if stored is None or stored.deleted:
        raise Forbidden(_OUTSIDE)
    call.touched.find([stored])
    dossier = dossier_of(read(stored.body, OWN).resource, services.base)
    condition = services.gate.posting(call.actor, dossier)
    if isinstance(condition, Everything):
        return dossier
    team = f"CareTeam/{call.id}"
    seats = () if isinstance(condition, Nothing) else await services.repository.seats(condition, [team], dossier)
    if not any(each.start <= call.now < each.end for each in seats):
        raise Forbidden(_OUTSIDE)
    return dossier


@dataclass(slots=True)
class _Form:
    """What has come so far: the file, of which ``head`` are the first bytes, and the reference that came with it."""

    file: Part | None = None
    media: str = ""
    head: bytes = b""
    size: int = 0
    digest: str = ""
    resource: str = ""


async def _received(call: Call, sink: Sink) -> _Form:
    """Write the file to ``sink`` as it comes, and return what there is to know of it."""
    form, name = _Form(), ""
    hashed = sha256()
    async for each in call.upload or _nothing():
        if isinstance(each, Part):
            name = each.name
            if name == _FILE:
                _begin(form, each)
        elif name == _FILE:
            _count(call, form, each)
            hashed.update(each)
            await sink.write(each)
        elif name == _RESOURCE:
            form.resource += each.decode("utf-8", "replace")
            if len(form.resource) > _LONGEST:
                raise BadRequest(f"{_RESOURCE} is a reference, such as CommunicationRequest/1.", detail="bad-reference")
    if form.file is None:
        raise BadRequest(f"There is no part {_FILE}. Send the file under that name.", detail="attachment-missing")
    if not form.size:
        raise Unprocessable("The file is empty. Send one that has something in it.", detail="attachment-empty")
    _check(form)
    form.digest = hashed.hexdigest()
    return form


async def _nothing() -> AsyncIterator[Part | bytes]:
    return
    yield b""


def _begin(form: _Form, part: Part) -> None:
    if form.file is not None:
        raise BadRequest("There are several files. Send each in a request of its own.", detail="attachment-several")
    form.file = part


def _count(call: Call, form: _Form, content: bytes) -> None:
    limit = call.services.attachments.limit
    form.size += len(content)
    if form.size > limit:
        raise TooLarge(f"The file is larger than the {limit} bytes that this server keeps.", detail="attachment-too-large")
    if len(form.head) < HEAD:
        form.head += content[: HEAD - len(form.head)]
        if len(form.head) == HEAD:
            _check(form)


def _check(form: _Form) -> None:
    assert form.file is not None
    form.media = kinds().declared(form.file.media, form.head)
    if not form.media:
        text = "A file of this type is not taken here, or the part does not say its type. docs/attachments.md lists what is."
        raise UnsupportedMedia(text, detail="attachment-type")
    if not kinds().fits(form.media, form.head):
        text = "The file is not of the type that it says. Send it with its own media type."
        raise Unprocessable(text, detail="attachment-not-its-type")


async def _named(call: Call, reference: str, dossier: str) -> tuple[str, str]:
    """Return the message or thread that the file was sent for, and its dossier. Raises Forbidden."""
    found = parse(reference.strip(), call.services.base)
    refused = Forbidden(f"{_RESOURCE} names no thread that you may see, and no message of yours.", detail="attachment-resource")
    if found is None or found.type not in MESSAGES:
        raise refused
    for grant in call.services.gate.permitted(call.actor, "read", [found.type]):
        stored = await call.services.repository.read(grant, found.type, found.id)
        if stored is None or not stored.visible or stored.deleted:
            continue
        resource = read(stored.body, OWN).resource
        own = extract(resource, call.services.catalog.types[found.type], call.services.base).dossier
        sender = resource.get("sender", {}).get("reference")
        mine = found.type != "Communication" or call.actor.role == "system" or sender in call.actor.people
        if mine and (own == dossier or dossier.startswith("CareTeam/")):
            return str(found), own
    raise refused


async def _scanned(call: Call, place: Place, size: int) -> None:
    attachments = call.services.attachments
    try:
        infected = await attachments.scanner.infected(attachments.files.read(place, size, 0, size))
    except ScannerAway as error:
        raise NoScanner("The virus scanner does not answer, and nothing is kept unseen. Send the file again later.") from error
    if infected:
        raise Unprocessable("The virus scanner found something in the file. It was not kept.", detail="attachment-infected")


async def _put(call: Call, kept: Attachment) -> None:
    """Keep the row, unless too much of the same person waits already; `system` has no limit. Raises TooMany."""
    limits, actor = call.services.attachments, call.actor
    people = tuple(sorted({actor.reference, *actor.people}))
    room = None if actor.role == "system" else Room(people, limits.waiting, limits.waiting_size)
    over = await call.services.repository.attachments().put(kept, room)
    if over is None:
        return
    error = TooMany(
        f"{over.files} files of yours, {over.size} bytes, wait for a message that names them, and {limits.waiting} or"
        f" {limits.waiting_size} bytes may. Send the messages first; what no message names is removed after {limits.hours:g} h.",
        detail="attachments-waiting",
    )
    seconds = max(1, -(-(over.until - call.now) // _SECOND))
    error.headers = ((b"retry-after", str(seconds).encode()),)
    raise error


def _kept(call: Call, place: Place, form: _Form) -> Attachment:
    assert form.file is not None
    return Attachment(
        id=place.id,
        uploader=call.actor.reference,
        role=call.actor.role,
        team=f"CareTeam/{call.id}",
        dossier="",
        media=form.media,
        name=kinds().name(form.file.filename, form.media),
        size=form.size,
        sha256=form.digest,
        salt=place.salt,
        created=call.now,
        expires=call.services.attachments.expires(call.now),
    )
