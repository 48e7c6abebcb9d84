"""Physical removal: resources with all their versions and everything that was made of them, a little at a time.

Each transaction is bounded in rows and in bytes, so that others write in between. What is done stays done: whoever was stopped half
way begins again and finds what is left.
"""

import json
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from fhir_server.search.rows import Indexed, IndexRow, key
from fhir_server.storage.authorization.scripts import revoke_family
from fhir_server.storage.delta import delta
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.repository import Change
from fhir_server.storage.scripted import Rows, Script, Scripted, Value
from fhir_server.storage.texts import StoredText

AT_ONCE: Final = 50
_BYTES: Final = 500_000  # of bodies that one transaction removes, roughly
_VERSIONS: Final = 100
_REFERRERS: Final = 100
Remains = Literal["", "log", "files"]
"""Where what was removed may still stand in clear: nowhere, in the log of the database a little longer, in its files until these
are written anew."""
_Steps = Generator[tuple[str, Sequence[Value]], Rows, Any]


class Lying(NamedTuple):
    """A resource as it lies in a dossier; a deleted one has no ``body``."""

    row: int
    type: str
    id: str
    version: int
    deleted: bool
    body: bytes

    @property
    def reference(self) -> str:
        """The relative reference, "Type/id"."""
        return f"{self.type}/{self.id}"


@dataclass(slots=True)
class _Room:
    """What one transaction may still remove."""

    versions: int = _VERSIONS
    bytes: int = _BYTES

    @property
    def full(self) -> bool:
        return self.versions <= 0 or self.bytes <= 0

    def take(self, size: int) -> None:
        self.versions -= 1
        self.bytes -= size


class Erasure:
    """Removes by ``scripts`` in ``dialect``; ``unpack`` opens a stored body.

    ``settle`` empties the database's own log, where it can, and tells what remains.
    """

    def __init__(
        self, scripts: Scripted, dialect: Dialect, unpack: Callable[[bytes], bytes], settle: Callable[[], Awaitable["Remains"]]
    ) -> None:
        """Remove nothing yet."""
        self._scripts, self._dialect, self._unpack, self.settle = scripts, dialect, unpack, settle

    async def lying(self, dossier: str, after: int = 0, most: int = AT_ONCE) -> Sequence[Lying]:
        """Return the next resources in ``dossier``, by their rows, deleted ones too: ``most``, or fewer when they are large."""
        found = await self._scripts.rows(_SIZES, (key(dossier), after, most))
        count, size = 0, 0
        for _, length in found:
            count, size = count + 1, size + length
            if size > _BYTES:
                break
        if not count:
            return ()
        rows = await self._scripts.rows(_LYING, (key(dossier), after, count))
        return [_lying(each, self._unpack) for each in rows]

    async def people(self, dossier: str) -> Sequence[str]:
        """Return the RelatedPersons ("RelatedPerson/id") in ``dossier``, deleted ones too."""
        return [f"RelatedPerson/{id_}" for (id_,) in await self._scripts.rows(_PEOPLE, (key(dossier),))]

    async def referrers(self, keys: Sequence[int], dossiers: Iterable[str]) -> Sequence[str]:
        """Return some of the resources ("Type/id") that have a row of the index under ``keys`` and lie in none of ``dossiers``."""
        here = [key(each) for each in dossiers]
        sql = _REFERRING.format(keys=self._dialect.among("$1"), here=self._dialect.among("$2"), false=self._dialect.false)
        found = await self._scripts.rows(sql, (self._list(keys), self._list(here), _REFERRERS))
        return [f"{type_}/{id_}" for type_, id_ in found]

    async def close(self, dossier: str) -> None:
        """End every membership and circle of ``dossier``: nobody but who it is about and `system` reaches anything any more."""
        await self._scripts.do(_close(key(dossier)))

    async def erase(self, lying: Sequence[tuple[Lying, Indexed | None]]) -> tuple[Sequence[int], bool]:
        """Remove resources with all their versions, each with the index content of its current one.

        Return the rows that are gone, and whether the transaction was full before it came to the end. What is left after one that
        was not full has been written to since it was read.
        """
        prepared = [(each, _index(each, indexed)) for each, indexed in lying]
        return await self._scripts.do(self._erase(prepared))

    async def forget_versions(self, rows: Sequence[int]) -> tuple[int, bool]:
        """Remove replaced versions of the resources in ``rows``; return how many, and whether all of them are gone."""
        return await self._scripts.do(_forget_versions(rows))

    async def forget_tokens(self, people: Sequence[str], patient: str, now: int) -> None:
        """Remove what the authorization server remembers of ``people`` ("Type/id") and for the client ``patient`` (a bare id)."""
        for sql, value in ((_OF_SUBJECT, each) for each in people):
            await self._revoke(await self._scripts.rows(sql, (value,)), now)
        await self._revoke(await self._scripts.rows(_FOR_PATIENT, (json.dumps({"patient": patient})[1:-1],)), now)
        await self._scripts.do(_forget_tokens(people, patient))

    async def _revoke(self, families: Rows, now: int) -> None:
        for (family,) in families:
            await self._scripts.do(_revoke_and_forget(family, now))

    def _list(self, keys: Sequence[int]) -> str:
        return json.dumps(list(keys)) if self._dialect.mark == "?" else "{" + ",".join(map(str, keys)) + "}"

    def _erase(self, prepared: "Sequence[tuple[Lying, _Index]]") -> Script[tuple[list[int], bool]]:
        room = _Room()
        gone: list[int] = []
        for each, index in prepared:
            yield from _versions(each.row, room)
            if room.full:
                return gone, True
            if not (yield "DELETE FROM resource WHERE row = $1 AND version = $2 RETURNING row", (each.row, each.version)):
                continue
            room.take(len(each.body))
            yield from self._index_gone(each.row, index)
            for table in _BY_ROW:
                yield f"DELETE FROM {table} WHERE row = $1", (each.row,)
            for table, column in _BY_ID.get(each.type, ()):
                yield f"DELETE FROM {table} WHERE {column} = $1", (each.id,)
            gone.append(each.row)
        return gone, False

    def _index_gone(self, row: int, index: "_Index") -> _Steps:
        keys = self._dialect.among("$1")
        for sort, under in index.rows.items():
            yield f"DELETE FROM idx WHERE key {keys} AND sort = $2 AND row = $3", (self._list(under), sort, row)
        if index.dates:
            yield f"DELETE FROM idx_date WHERE key {keys} AND row = $2", (self._list(index.dates), row)
        for text in index.texts:
            yield "DELETE FROM idx_text WHERE key = $1 AND start = $2 AND row = $3 AND mark = $4", (*text[:2], row, text.mark)
        yield "DELETE FROM circle WHERE circle = $1", (index.self,)


def _lying(found: Sequence[Any], unpack: Callable[[bytes], bytes]) -> Lying:
    row, type_, id_, version, deleted, body = found
    return Lying(row, type_, id_, version, bool(deleted), unpack(bytes(body)) if body else b"")


class _Index(NamedTuple):
    """Keys of the index: ``rows`` by the sort value of their rows, those of ``dates``, and the texts; ``self`` is the resource."""

    self: int
    rows: dict[int, list[int]]
    dates: list[int]
    texts: list[StoredText]


def _index(lying: Lying, indexed: Indexed | None) -> _Index:
    gone = delta(Change(lying.type, lying.id, lying.version, 0, b"", None, indexed))
    rows: dict[int, list[int]] = {}
    for each in gone.gone:
        rows.setdefault(each.sort, []).append(each.key)
    return _Index(gone.self, rows, _keys(gone.dates_gone), gone.texts_gone)


def _keys(rows: Iterable[IndexRow]) -> list[int]:
    return list(dict.fromkeys(each.key for each in rows))


def _close(dossier: int) -> Script[None]:
    yield "DELETE FROM membership WHERE dossier = $1", (dossier,)
    yield "DELETE FROM membership WHERE row IN (SELECT row FROM resource WHERE dossier = $1)", (dossier,)  # functions there
    yield "DELETE FROM circle WHERE circle IN (SELECT self FROM resource WHERE dossier = $1)", (dossier,)


def _versions(row: int, room: _Room) -> Script[int]:
    """Remove replaced versions of one resource while there is ``room``; return how many."""
    found = yield _REPLACED, (row, _VERSIONS)
    count = 0
    for version, size in found:
        if room.full:
            break
        yield "DELETE FROM history WHERE row = $1 AND version = $2", (row, version)
        room.take(size)
        count += 1
    return count


def _forget_versions(rows: Sequence[int]) -> Script[tuple[int, bool]]:
    room, count = _Room(), 0
    for row in rows:
        count += yield from _versions(row, room)
        if room.full:
            return count, False
    return count, True


def _revoke_and_forget(family: str, now: int) -> Script[None]:
    yield from revoke_family(family, now)
    for table in ("oauth_code", "oauth_refresh"):
        yield f"DELETE FROM {table} WHERE family = $1", (family,)


def _forget_tokens(people: Sequence[str], patient: str) -> Script[None]:
    for each in people:
        for table in ("oauth_session", "oauth_consent"):
            yield f"DELETE FROM {table} WHERE subject = $1", (each,)
    yield "DELETE FROM oauth_consent WHERE patient = $1", (patient,)


_SIZES: Final = "SELECT row, length(body) FROM resource WHERE dossier = $1 AND row > $2 ORDER BY row LIMIT $3"
_LYING: Final = "SELECT row, type, id, version, deleted, body FROM resource WHERE dossier = $1 AND row > $2 ORDER BY row LIMIT $3"
_PEOPLE: Final = "SELECT id FROM resource WHERE dossier = $1 AND type = 'RelatedPerson' ORDER BY id"
_REPLACED: Final = "SELECT version, length(body) FROM history WHERE row = $1 ORDER BY version LIMIT $2"
_BY_ROW: Final = ("idx_order", "membership", "consent_rule", "history")
_BY_ID: Final = {"Subscription": (("subscription", "id"), ("subscription_audience", "subscription"), ("delivery", "subscription"))}
_REFERRING: Final = (
    "SELECT DISTINCT r.type, r.id FROM idx i CROSS JOIN resource r WHERE i.key {keys} AND r.row = i.row AND r.deleted = {false}"
    " AND (r.dossier IS NULL OR NOT r.dossier {here}) ORDER BY r.type, r.id LIMIT $3"
)
_OF_SUBJECT: Final = "SELECT family FROM oauth_code WHERE subject = $1 UNION SELECT family FROM oauth_refresh WHERE subject = $1"
_FOR_PATIENT: Final = (
    "SELECT family FROM oauth_code WHERE replace(granted, $1, '') <> granted"
    " UNION SELECT family FROM oauth_refresh WHERE replace(granted, $1, '') <> granted"
)
