"""The store in PostgreSQL: one statement per read and per write, on connections in autocommit mode."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import psycopg

from fhir_server.search.rows import key
from fhir_server.storage.attachments.store import AttachmentStore
from fhir_server.storage.authorization.engine import ScriptedStore
from fhir_server.storage.dialect import POSTGRES
from fhir_server.storage.engines import postgres_journal
from fhir_server.storage.engines.group_commit import GroupCommit
from fhir_server.storage.engines.postgres_attendance import PostgresAttendance
from fhir_server.storage.engines.postgres_commit import commit
from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_refusal import told
from fhir_server.storage.engines.postgres_scripts import PostgresScripts
from fhir_server.storage.engines.postgres_session import Parameter, Row, Session
from fhir_server.storage.engines.postgres_text import bind
from fhir_server.storage.engines.postgres_together import Together
from fhir_server.storage.engines.reads import Reads
from fhir_server.storage.erasure import Erasure, Remains
from fhir_server.storage.journal.line import written
from fhir_server.storage.journal.projection import Projector
from fhir_server.storage.reindex.postgres import PostgresIndex
from fhir_server.storage.repository import AuditRow, Change, Criteria, Grant, SearchTooSlow
from fhir_server.storage.subscriptions.engine import ScriptedSubscriptions
from fhir_server.storage.trial import BLOCK, NUMBER, Trial

_CONNECTIONS = 8


class PostgresRepository(Reads):
    """A Repository in a PostgreSQL database, which many processes may share."""

    def __init__(self, pool: Pool, secret: bytes = b"") -> None:
        """Use the connections of ``pool``; ``secret`` seals free texts in the record."""
        super().__init__(POSTGRES, secret, bind)
        self._pool = pool
        self._together = Together(pool)
        self._audit: GroupCommit[bytes] = GroupCommit(self._record)
        self._projector = Projector(self._project)
        self._scripts = PostgresScripts(pool)
        self._attendance = PostgresAttendance(pool.url)
        self._trial = Trial(self._try, (psycopg.Error, RuntimeError))

    @classmethod
    async def open(cls, url: str, secret: bytes = b"") -> "PostgresRepository":
        """Open the database at ``url``; raises psycopg.OperationalError when it does not answer."""
        pool = Pool(url, _CONNECTIONS)
        await pool.rows("SELECT 1")
        return cls(pool, secret)

    async def commit(
        self, grants: Sequence[Grant], changes: Sequence[Change], audit: Sequence[AuditRow], unmatched: Sequence[Criteria] = ()
    ) -> None:
        """Write all or nothing. Raises what ``Repository.commit`` does."""
        try:
            await commit(self._pool, self._bodies, grants, changes, await self._lines_of(audit), unmatched)
        except psycopg.Error as error:
            raise self._refused(error) from error
        if audit:
            self._trial.sure = True
        self._projector.soon()

    async def record(self, row: AuditRow) -> None:
        """Append to the record."""
        try:
            await self._audit.add(written(row) if not row.reason else (await self._lines_of([row]))[0])
        except psycopg.Error as error:
            raise self._refused(error) from error
        self._trial.sure = True
        self._projector.soon()

    def _refused(self, error: psycopg.Error) -> Exception:
        """Return what is raised for ``error``; whether anything can be written is in doubt then."""
        self._trial.sure = False
        return told(error) if isinstance(error, psycopg.OperationalError) else error

    async def project_record(self) -> None:
        """Bring audit_event up to date."""
        try:
            await self._projector.now()
        except psycopg.OperationalError as error:
            raise told(error) from error

    def index(self) -> PostgresIndex:
        """Return the database for work on its index."""
        return PostgresIndex(self._pool.url)

    def authorization(self) -> ScriptedStore:
        """Return the store of the authorization server."""
        return ScriptedStore(self._scripts)

    def erasure(self) -> Erasure:
        """Return what removes resources; what stays in the files of the database is the operator's to remove (docs/erasure.md)."""
        return Erasure(self._scripts, POSTGRES, self._bodies.unpack, _settled)

    def attachments(self) -> AttachmentStore:
        """Return what is known of attachments."""
        return AttachmentStore(self._scripts)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        """Lock ``name``, on a connection of its own: whatever happens, the lock is gone with it."""
        try:
            session = await Session.open(self._pool.url)
        except psycopg.OperationalError as error:
            raise told(error) from error
        try:
            yield (await session.rows("SELECT pg_try_advisory_lock($1::bigint)", (str(key(name)),)))[0][0]
        finally:
            await session.close()

    def subscriptions(self) -> ScriptedSubscriptions:
        """Return the store of subscriptions."""
        return ScriptedSubscriptions(self._scripts, self._attendance)

    async def ready(self) -> bool:
        """Tell whether the database answers."""
        try:
            return bool(await self._pool.rows("SELECT 1 FROM alembic_version"))
        except (psycopg.Error, RuntimeError):
            return False

    async def writable(self) -> bool:
        """Tell whether the database takes what is written."""
        return await self._trial.holds()

    async def _try(self) -> None:
        async with self._pool.session() as session:
            await session.rows("BEGIN")
            try:
                await session.rows(BLOCK.format("''"))
            finally:
                await session.rows("ROLLBACK")
            await session.rows(NUMBER)

    async def close(self) -> None:
        """Finish writing and close."""
        await self._audit.close()
        await self._projector.close()
        await self._attendance.close()
        await self._pool.close()

    async def erase_reasons(self, dossier: str) -> None:
        """Destroy the key."""
        try:
            await self._pool.rows("DELETE FROM audit_secret WHERE dossier = $1", (dossier,))
        except psycopg.OperationalError as error:
            raise told(error) from error

    async def _key_kept(self, dossier: str, offered: bytes | None) -> bytes | None:
        if offered is not None:
            await self._pool.rows("INSERT INTO audit_secret VALUES ($1, $2) ON CONFLICT DO NOTHING", (dossier, offered))
        found = await self._pool.rows("SELECT wrapped FROM audit_secret WHERE dossier = $1", (dossier,))
        return found[0][0] if found else None

    async def _record(self, lines: Sequence[bytes]) -> None:
        async with self._pool.session() as session:
            await postgres_journal.append(session, lines)

    async def _project(self) -> bool:
        async with self._pool.session() as session:
            return await postgres_journal.project(session)

    async def _found(self, sql: str, parameters: Sequence[Parameter]) -> list[Row]:
        return await _told(self._pool.rows(sql, parameters))

    async def _found_by_key(self, sql: str, parameters: Sequence[Parameter]) -> list[Row]:
        return await _told(self._together.rows(sql, parameters))


async def _told(found: Awaitable[list[Row]]) -> list[Row]:
    """Return the rows. Raises SearchTooSlow, and what is told of the database."""
    try:
        return await found
    except psycopg.errors.QueryCanceled:
        raise SearchTooSlow("the search took too long and was stopped: narrow it") from None
    except psycopg.OperationalError as error:
        raise told(error) from error


async def _settled() -> Remains:
    """Do nothing: VACUUM leaves the bytes of what was removed in the pages, and what does not locks whole tables."""
    return "files"
