"""The store in one SQLite file: reads directly on the event loop, writes by one thread."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from fhir_server.search.rows import key
from fhir_server.search.tree import Query
from fhir_server.storage import compile as text
from fhir_server.storage import single
from fhir_server.storage.body import Bodies
from fhir_server.storage.delta import delta
from fhir_server.storage.dialect import SQLITE
from fhir_server.storage.engines.sqlite_commit import Prepared, bind, carry_out, checks_of, record
from fhir_server.storage.engines.sqlite_writer import SqliteWriter, connect
from fhir_server.storage.repository import AuditRow, Change, Grant, Page, SearchTooSlow, Stored
from fhir_server.storage.shape import NOTHING, Value
from fhir_server.storage.writer import Statement

_STEPS = 4000  # virtual machine steps between two looks at the clock, well below a millisecond
_ON_LOOP = 0.01  # seconds that a search may hold the event loop; a longer one starts again in a thread
_IN_THREAD = 10.0


class SqliteRepository:
    """A Repository in one file, which this process owns for writing."""

    def __init__(self, path: Path) -> None:
        """Open ``path``. Raises DatabaseInUse."""
        self._writer = SqliteWriter(path)
        self._bodies = Bodies()
        self._unpack = self._bodies.unpack
        self._fast = _Reader(path, _ON_LOOP)
        self._slow = _Reader(path, _IN_THREAD)
        self._turn = asyncio.Lock()

    async def read(self, grant: Grant, type_: str, id_: str) -> Stored | None:
        """Return the current version, None if the id was never used."""
        stored = await self.find(grant, key(f"{type_}/{id_}"))
        return stored if stored is not None and (stored.type, stored.id) == (type_, id_) else None

    async def find(self, grant: Grant, self_: int) -> Stored | None:
        """Return the current version of the resource of the grant's type with this key."""
        shape, values = single.grant_values(grant, self_)
        stored = await self._one(single.read(SQLITE, shape), values)
        return stored if stored is not None and stored.type == grant.type else None

    async def vread(self, grant: Grant, type_: str, id_: str, version: int) -> Stored | None:
        """Return one version."""
        shape, values = single.grant_values(grant, key(f"{type_}/{id_}"), version)
        stored = await self._one(single.vread(SQLITE, shape), values)
        return stored if stored is not None and (stored.type, stored.id) == (type_, id_) == (grant.type, id_) else None

    async def search(self, grant: Grant, query: Query) -> Page:
        """Return one page. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return Page((), more=False)
        rows = await self._rows(text.page(SQLITE, search), values)
        more = len(rows) > query.count
        if more:
            rows.pop()
        return Page(self._visible(query.type, rows), more)

    async def count(self, grant: Grant, query: Query) -> int:
        """Return how many match. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return 0
        rows = await self._rows(text.count(SQLITE, search), values)
        found: int = rows[0][0]
        return found

    async def fetch(self, grants: Sequence[Grant], references: Sequence[str]) -> Sequence[Stored]:
        """Return the visible ones among ``references``, in their order."""
        found: dict[str, Stored] = {}
        for grant in grants:
            wanted = tuple({key(reference) for reference in references if reference.startswith(f"{grant.type}/")})
            shape, values = single.grant_values(grant, wanted)
            if wanted and shape is not NOTHING:
                for stored in self._visible(grant.type, await self._rows(single.fetch(SQLITE, shape), values)):
                    found[f"{stored.type}/{stored.id}"] = stored
        return [found[reference] for reference in dict.fromkeys(references) if reference in found]

    async def commit(self, grants: Sequence[Grant], changes: Sequence[Change], audit: Sequence[AuditRow]) -> None:
        """Write all or nothing. Raises VersionConflict or OutOfGrant."""
        prepared = [Prepared(change, delta(change), self._bodies.pack(change.body)) for change in changes]
        await self._writer.submit(partial(carry_out, checks=checks_of(grants), prepared=prepared, audit=audit))

    async def record(self, row: AuditRow) -> None:
        """Append to the record."""
        await self._writer.submit(partial(record, audit=(row,)))

    async def is_member(self, people: Sequence[str], dossier: str, at: int) -> bool:
        """Tell whether one of ``people`` is a member of ``dossier`` at ``at``."""
        values = bind((tuple(map(key, people)), key(dossier), at))
        return bool(self._fast.rows(_IS_MEMBER, values))

    async def ready(self) -> bool:
        """Tell whether the file can be read."""
        try:
            return self._fast.rows("SELECT count(*) FROM membership LIMIT 1", ()) is not None
        except (sqlite3.Error, SearchTooSlow):
            return False

    async def close(self) -> None:
        """Finish writing and close."""
        await asyncio.to_thread(self._writer.close)
        self._fast.close()
        self._slow.close()

    async def _rows(self, statement: Statement, values: Sequence[Value]) -> list[Any]:
        parameters = bind(statement.pick(values))
        try:
            return self._fast.rows(statement.sql, parameters)
        except SearchTooSlow:
            async with self._turn:
                return await asyncio.to_thread(self._slow.rows, statement.sql, parameters)

    async def _one(self, statement: Statement, values: Sequence[Value]) -> Stored | None:
        rows = await self._rows(statement, values)
        if not rows:
            return None
        row, type_, id_, version, updated, body, sort, deleted = rows[0]
        content = self._unpack(body) if body else b""
        return Stored(row, type_, id_, version, updated, deleted != 0, body is not None, content, sort)

    def _visible(self, type_: str, rows: Sequence[Any]) -> list[Stored]:
        unpack, stored = self._unpack, Stored._make
        return [
            stored((row, type_, id_, version, updated, False, True, unpack(body), sort))
            for row, id_, version, updated, body, sort in rows
        ]


class _Reader:
    """A connection for reading that gives up after ``seconds``."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._connection = connect(path)
        self._connection.execute("PRAGMA query_only = ON")
        self._execute: Callable[..., sqlite3.Cursor] = self._connection.execute
        self._seconds = seconds
        self._until = 0.0
        self._connection.set_progress_handler(self._too_late, _STEPS)

    def rows(self, sql: str, parameters: Sequence[Value]) -> list[Any]:
        """Return all rows. Raises SearchTooSlow."""
        self._until = monotonic() + self._seconds
        try:
            return self._execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise SearchTooSlow(f"the search was stopped after {self._seconds} s: narrow it") from None
            raise

    def close(self) -> None:
        self._connection.close()

    def _too_late(self) -> int:
        return monotonic() > self._until


_IS_MEMBER = (
    "SELECT 1 FROM membership WHERE member IN (SELECT value FROM json_each(?1)) AND dossier = ?2"
    " AND starts <= ?3 AND ?3 < ends LIMIT 1"
)
