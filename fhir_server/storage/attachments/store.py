"""What is known of attachments: one row each, on both engines."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final, NamedTuple

from fhir_server.search.rows import key
from fhir_server.storage.scripted import Rows, Script, Scripted


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was sent here, under ``id``, by ``uploader`` ("Type/id") in ``role`` to the care team ``team`` ("CareTeam/id").

    ``dossier`` is that of the team ("Patient/id", or "CareTeam/id" for a team about nobody), and from the claim on that of the
    message. ``media`` is the media type, ``name`` that of the file, ``size`` in bytes, ``sha256`` of the content in hexadecimal;
    ``salt`` is what the key of the file is made of. ``claimed`` is the message that it belongs to ("Type/id"), "" for none: then
    it is removed at ``expires``.
    """

    id: str
    uploader: str
    role: str
    team: str
    dossier: str
    media: str
    name: str
    size: int
    sha256: str
    salt: str
    created: int
    expires: int
    claimed: str = ""


class Claim(NamedTuple):
    """The attachment ``id`` is to belong to ``message`` ("Type/id") in ``dossier``; it belonged to ``before``, "" for nothing."""

    id: str
    before: str
    message: str
    dossier: str


class Room(NamedTuple):
    """How many files, and how many bytes of them, may wait for a message of one person, who is known as ``people`` ("Type/id")."""

    people: tuple[str, ...]
    files: int
    size: int


class Waiting(NamedTuple):
    """What waits for a message: files, bytes, and when the first of them is removed (microseconds)."""

    files: int
    size: int
    until: int


class AttachmentStore:
    """Both engines carry out its scripts; every change is durable when the call returns."""

    def __init__(self, scripts: Scripted) -> None:
        """Carry everything out by ``scripts``."""
        self._scripts = scripts

    async def put(self, attachment: Attachment, room: Room | None = None) -> Waiting | None:
        """Keep a new attachment; or else return what waits already, when with it more would than there is ``room`` for."""
        return await self._scripts.do(_put(attachment, room))

    async def find(self, id_: str) -> Attachment | None:
        """Return an attachment, expired ones too."""
        found = await self._scripts.rows(f"SELECT {_COLUMNS} FROM attachment WHERE id = $1", (id_,))
        return _read(found[0]) if found else None

    async def expire(self, now: int, most: int) -> Sequence[str]:
        """Forget at most ``most`` of those that no message claimed in time; return their ids, whose files are to be removed."""
        return await self._scripts.do(_expire(now, most))

    async def unknown(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those of ``ids`` that are no attachment."""
        known = {each for id_ in ids for (each,) in await self._scripts.rows("SELECT id FROM attachment WHERE id = $1", (id_,))}
        return [each for each in ids if each not in known]

    async def any_of(self, dossier: str) -> bool:
        """Tell whether there is an attachment of ``dossier``."""
        return bool(await self._scripts.rows("SELECT id FROM attachment WHERE dossier = $1 LIMIT 1", (dossier,)))

    async def forget(self, dossier: str, most: int) -> Sequence[str]:
        """Forget at most ``most`` attachments of ``dossier``; return their ids, whose files are to be removed."""
        return await self._scripts.do(_forget(dossier, most))

    async def forget_of(self, message: str) -> Sequence[str]:
        """Forget the attachments of ``message`` ("Type/id"); return their ids, whose files are to be removed."""
        return await self._scripts.do(_forget_of(message))


def _put(attachment: Attachment, room: Room | None) -> Script[Waiting | None]:
    if room is not None and not attachment.claimed:
        yield "SELECT ALONE($1)", (key("attachments", min(room.people)),)
        found = []
        for person in room.people:
            found += [Waiting(*row) for row in (yield _WAITING, (person,))]
        files, size = sum(each.files for each in found), sum(each.size for each in found)
        if files + 1 > room.files or size + attachment.size > room.size:
            return Waiting(files, size, min((each.until for each in found if each.files), default=0))
    yield _PUT, astuple(attachment)
    return None


def _expire(now: int, most: int) -> Script[list[str]]:
    return _ids((yield _EXPIRE, (now, most)))


def _forget(dossier: str, most: int) -> Script[list[str]]:
    return _ids((yield _FORGET, (dossier, most)))


def _forget_of(message: str) -> Script[list[str]]:
    return _ids((yield "DELETE FROM attachment WHERE claimed = $1 RETURNING id", (message,)))


def _ids(rows: Rows) -> list[str]:
    return [id_ for (id_,) in rows]


def _read(row: Sequence[Any]) -> Attachment:
    return Attachment(*row)


_NAMES: Final = tuple(each.name for each in fields(Attachment))
_COLUMNS: Final = ", ".join(_NAMES)
_PUT: Final = f"INSERT INTO attachment ({_COLUMNS}) VALUES ({', '.join(f'${n}' for n in range(1, len(_NAMES) + 1))})"
_WAITING: Final = (
    "SELECT count(*), coalesce(sum(size), 0), coalesce(min(expires), 0) FROM attachment WHERE uploader = $1 AND claimed = ''"
)
_EXPIRE: Final = (
    "DELETE FROM attachment WHERE claimed = '' AND id IN"
    " (SELECT id FROM attachment WHERE claimed = '' AND expires <= $1 LIMIT $2) RETURNING id"
)
_FORGET: Final = "DELETE FROM attachment WHERE id IN (SELECT id FROM attachment WHERE dossier = $1 LIMIT $2) RETURNING id"
CLAIM: Final = "UPDATE attachment SET claimed = $1, dossier = $2, expires = 0 WHERE id = $3 AND claimed = $4 RETURNING id"
"""Makes a Claim: the values are message, dossier, id, before; it finds the id unless somebody else was first."""
