"""The store in PostgreSQL: one statement per read and per write, on connections in autocommit mode."""

from collections.abc import Sequence
from typing import Any

import psycopg

from fhir_server.search.rows import key
from fhir_server.search.tree import Query
from fhir_server.storage import compile as text
from fhir_server.storage import single
from fhir_server.storage.body import Bodies
from fhir_server.storage.dialect import POSTGRES
from fhir_server.storage.engines import postgres_text
from fhir_server.storage.engines.group_commit import GroupCommit
from fhir_server.storage.engines.postgres_commit import commit
from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_session import Row
from fhir_server.storage.engines.postgres_text import bind
from fhir_server.storage.repository import AuditRow, Change, Grant, Page, SearchTooSlow, Stored
from fhir_server.storage.shape import NOTHING, Value
from fhir_server.storage.writer import Statement

_CONNECTIONS = 8


class PostgresRepository:
    """A Repository in a PostgreSQL database, which many processes may share."""

    def __init__(self, pool: Pool) -> None:
        """Use the connections of ``pool``."""
        self._pool = pool
        self._bodies = Bodies()
        self._unpack = self._bodies.unpack
        self._audit: GroupCommit[AuditRow] = GroupCommit(self._record)

    @classmethod
    async def open(cls, url: str) -> "PostgresRepository":
        """Open the database at ``url``; raises psycopg.OperationalError when it does not answer."""
        pool = Pool(url, _CONNECTIONS)
        await pool.rows("SELECT 1")
        return cls(pool)

    async def read(self, grant: Grant, type_: str, id_: str) -> Stored | None:
        """Return the current version, None if the id was never used."""
        stored = await self.find(grant, key(f"{type_}/{id_}"))
        return stored if stored is not None and (stored.type, stored.id) == (type_, id_) else None

    async def find(self, grant: Grant, self_: int) -> Stored | None:
        """Return the current version of the resource of the grant's type with this key."""
        shape, values = single.grant_values(grant, self_)
        stored = await self._one(single.read(POSTGRES, shape), values)
        return stored if stored is not None and stored.type == grant.type else None

    async def vread(self, grant: Grant, type_: str, id_: str, version: int) -> Stored | None:
        """Return one version."""
        shape, values = single.grant_values(grant, key(f"{type_}/{id_}"), version)
        stored = await self._one(single.vread(POSTGRES, shape), values)
        return stored if stored is not None and (stored.type, stored.id) == (type_, id_) == (grant.type, id_) else None

    async def search(self, grant: Grant, query: Query) -> Page:
        """Return one page. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return Page((), more=False)
        rows = await self._rows(text.page(POSTGRES, search), values)
        more = len(rows) > query.count
        if more:
            rows.pop()
        return Page(self._visible(query.type, rows), more)

    async def count(self, grant: Grant, query: Query) -> int:
        """Return how many match. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return 0
        rows = await self._rows(text.count(POSTGRES, search), values)
        found: int = rows[0][0]
        return found

    async def fetch(self, grants: Sequence[Grant], references: Sequence[str]) -> Sequence[Stored]:
        """Return the visible ones among ``references``, in their order."""
        found: dict[str, Stored] = {}
        for grant in grants:
            wanted = tuple({key(reference) for reference in references if reference.startswith(f"{grant.type}/")})
            shape, values = single.grant_values(grant, wanted)
            if wanted and shape is not NOTHING:
                for stored in self._visible(grant.type, await self._rows(single.fetch(POSTGRES, shape), values)):
                    found[f"{stored.type}/{stored.id}"] = stored
        return [found[reference] for reference in dict.fromkeys(references) if reference in found]

    async def commit(self, grants: Sequence[Grant], changes: Sequence[Change], audit: Sequence[AuditRow]) -> None:
        """Write all or nothing. Raises VersionConflict or OutOfGrant."""
        await commit(self._pool, self._bodies, grants, changes, audit)

    async def record(self, row: AuditRow) -> None:
        """Append to the record."""
        await self._audit.add(row)

    async def is_member(self, people: Sequence[str], dossier: str, at: int) -> bool:
        """Tell whether one of ``people`` is a member of ``dossier`` at ``at``."""
        return bool(await self._pool.rows(_IS_MEMBER, bind((tuple(map(key, people)), key(dossier), at))))

    async def ready(self) -> bool:
        """Tell whether the database answers."""
        try:
            return bool(await self._pool.rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM membership WHERE false)"))
        except psycopg.Error:
            return False

    async def close(self) -> None:
        """Finish writing and close."""
        await self._audit.close()
        await self._pool.close()

    async def _record(self, rows: Sequence[AuditRow]) -> None:
        await self._pool.rows(postgres_text.RECORD, (postgres_text.audit_json(rows),))

    async def _rows(self, statement: Statement, values: Sequence[Value]) -> list[Row]:
        try:
            return await self._pool.rows(statement.sql, bind(statement.pick(values)))
        except psycopg.errors.QueryCanceled:
            raise SearchTooSlow("the search took too long and was stopped: narrow it") from None

    async def _one(self, statement: Statement, values: Sequence[Value]) -> Stored | None:
        rows = await self._rows(statement, values)
        if not rows:
            return None
        row, type_, id_, version, updated, body, sort, deleted = rows[0]
        content = self._unpack(body) if body else b""
        return Stored(row, type_, id_, version, updated, deleted, body is not None, content, sort)

    def _visible(self, type_: str, rows: Sequence[Any]) -> list[Stored]:
        unpack, stored = self._unpack, Stored._make
        return [
            stored((row, type_, id_, version, updated, False, True, unpack(body), sort))
            for row, id_, version, updated, body, sort in rows
        ]


_IS_MEMBER = "SELECT 1 FROM membership WHERE member = ANY($1::bigint[]) AND dossier = $2 AND starts <= $3 AND $3 < ends LIMIT 1"
