"""The store in one SQLite file: reads directly on the event loop, writes by one thread."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic, thread_time
from typing import Any

from fhir_server.search.lines import Lines
from fhir_server.storage.attachments.store import AttachmentStore
from fhir_server.storage.authorization.engine import ScriptedStore
from fhir_server.storage.delta import delta
from fhir_server.storage.dialect import SQLITE
from fhir_server.storage.engines.reads import Reads
from fhir_server.storage.engines.sqlite_commit import Prepared, bind, carry_out, checks_of
from fhir_server.storage.engines.sqlite_journal import project
from fhir_server.storage.engines.sqlite_refusal import told
from fhir_server.storage.engines.sqlite_scripts import SqliteScripts
from fhir_server.storage.engines.sqlite_writer import SqliteWriter, Work, connect
from fhir_server.storage.erasure import Erasure, Remains
from fhir_server.storage.journal.line import written
from fhir_server.storage.journal.projection import Projector
from fhir_server.storage.matching import matches
from fhir_server.storage.reindex.sqlite import SqliteIndex
from fhir_server.storage.repository import AuditRow, Change, Criteria, Grant, Logged, SearchTooSlow
from fhir_server.storage.shape import Value
from fhir_server.storage.subscriptions.engine import ScriptedSubscriptions
from fhir_server.storage.trial import BLOCK, NUMBER, Trial

_STEPS = 10_000  # virtual machine steps between two looks at the clock, below a millisecond
_ON_LOOP = 0.003  # seconds of work for which a search may hold the event loop; a longer one starts again in a thread
_IN_THREAD = 10.0
_NOT_BEGUN = -inf
_TEXTS = 4096
_SNAPSHOT = 0.05  # seconds
_LEAST_ROOM = 1_000_000  # bytes on the disk


class SqliteRepository(Reads):
    """A Repository in one file, which this process owns for writing."""

    def __init__(self, path: Path, secret: bytes = b"") -> None:
        """Open ``path``; ``secret`` seals free texts in the record. Raises DatabaseInUse."""
        super().__init__(SQLITE, secret, bind)
        self._path = path
        self._writer = SqliteWriter(path)
        self._fast = _Snapshots(path, _ON_LOOP, self._writer)
        self._slow = _Reader(path, _IN_THREAD)
        self._thread = ThreadPoolExecutor(1, "sqlite-reader")
        self._projector = Projector(self._project)
        self._busy = set[str]()
        self._scripts = SqliteScripts(self._writer, self._found)
        self._trial = Trial(self._try, (sqlite3.Error, RuntimeError))

    async def commit(
        self, grants: Sequence[Grant], changes: Sequence[Change], audit: Sequence[AuditRow], unmatched: Sequence[Criteria] = ()
    ) -> None:
        """Write all or nothing. Raises what ``Repository.commit`` does."""
        prepared = [Prepared(change, delta(change), self._bodies.pack(change.body)) for change in changes]
        questions = [matches(SQLITE, criteria, rows=2) for criteria in unmatched]
        lines = await self._lines_of(audit)
        work = partial(carry_out, checks=checks_of(grants), prepared=prepared, audit=lines, unmatched=questions)
        await self._submit(work)
        if audit:
            self._trial.sure = True
        self._projector.soon()

    async def record(self, row: AuditRow) -> None:
        """Append to the record."""
        line = written(row) if not row.reason else (await self._lines_of([row]))[0]
        try:
            await self._writer.submit(line)
        except sqlite3.Error as error:
            raise self._refused(error) from error
        self._trial.sure = True
        self._projector.soon()

    async def project_record(self) -> None:
        """Bring audit_event up to date."""
        await self._projector.now()

    async def lines(self, grant: Grant, asked: Lines) -> Sequence[Logged]:
        """Return lines of the record, of those too that were written a moment ago."""
        self._fast.renew()
        return await super().lines(grant, asked)

    def index(self) -> SqliteIndex:
        """Return the database for work on its index; it writes through the one writer."""
        loop = asyncio.get_running_loop()
        return SqliteIndex(self._path, lambda work: asyncio.run_coroutine_threadsafe(self._writer.submit(work), loop).result())

    def authorization(self) -> ScriptedStore:
        """Return the store of the authorization server."""
        return ScriptedStore(self._scripts)

    def erasure(self) -> Erasure:
        """Return what removes resources physically."""
        return Erasure(self._scripts, SQLITE, self._bodies.unpack, self._settle)

    def attachments(self) -> AttachmentStore:
        """Return what is known of attachments."""
        return AttachmentStore(self._scripts)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        """Tell whether nobody is at it in this process, which alone owns the file."""
        if name in self._busy:
            yield False
            return
        self._busy.add(name)
        try:
            yield True
        finally:
            self._busy.discard(name)

    def subscriptions(self) -> ScriptedSubscriptions:
        """Return the store of subscriptions."""
        return ScriptedSubscriptions(self._scripts)

    async def ready(self) -> bool:
        """Tell whether the file can be read."""
        try:
            return bool(self._fast.rows("SELECT 1 FROM alembic_version", ()))
        except (sqlite3.Error, SearchTooSlow):
            return False

    async def writable(self) -> bool:
        """Tell whether there is room, and the file can be written."""
        return shutil.disk_usage(self._path.parent).free >= _LEAST_ROOM and await self._trial.holds()

    async def _try(self) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("SAVEPOINT trial")
            connection.execute(BLOCK.format("x''"))
            connection.execute("ROLLBACK TO trial")
            connection.execute("RELEASE trial")
            connection.execute(NUMBER)

        await self._writer.submit(work)

    async def close(self) -> None:
        """Finish writing and close."""
        await self._projector.close()
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._thread.shutdown)
        self._fast.close()
        self._slow.close()

    async def _found(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        try:
            return self._fast.rows(sql, parameters)
        except SearchTooSlow:
            return await self._in_thread(sql, parameters)
        except sqlite3.OperationalError as error:
            raise told(error) from error

    async def _in_thread(self, sql: str, parameters: Sequence[Value]) -> list[Any]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._slow.rows, sql, parameters)
        except sqlite3.OperationalError as error:
            raise told(error) from error

    async def erase_reasons(self, dossier: str) -> None:
        """Destroy the key, and overwrite where it stood."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM audit_secret WHERE dossier = ?", (dossier,))

        await self._submit(work)

    async def _settle(self) -> Remains:
        """Put the log back into the file, most of it while others write, and empty it: what was deleted stood in it."""

        def copied() -> None:
            with closing(connect(self._path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

        try:
            await asyncio.to_thread(copied)
            return "" if await self._writer.empty_log() else "log"
        except sqlite3.OperationalError as error:
            raise told(error) from error

    async def _key_kept(self, dossier: str, offered: bytes | None) -> bytes | None:
        found: list[tuple[bytes]] = []

        def work(connection: sqlite3.Connection) -> None:
            if offered is not None:
                connection.execute("INSERT OR IGNORE INTO audit_secret (dossier, wrapped) VALUES (?, ?)", (dossier, offered))
            found.extend(connection.execute("SELECT wrapped FROM audit_secret WHERE dossier = ?", (dossier,)))

        await self._submit(work)
        return found[0][0] if found else None

    async def _project(self) -> bool:
        more: list[bool] = []
        await self._submit(lambda connection: more.append(project(connection)))
        return more[0]

    async def _submit(self, work: Work | bytes) -> None:
        try:
            await self._writer.submit(work)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: sqlite3.Error) -> Exception:
        """Return what is raised for ``error``; whether anything can be written is in doubt then."""
        self._trial.sure = False
        return told(error) if isinstance(error, sqlite3.OperationalError) else error


class _Reader:
    """A connection for reading that gives up after ``seconds``."""

    def __init__(self, path: Path, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._connection = connect(path)
        self._connection.execute("PRAGMA query_only = ON")
        self._execute: Callable[..., sqlite3.Cursor] = self._connection.execute
        self._seconds = seconds
        self._until = 0.0
        self._texts: dict[str, str] = {}
        self._stopped = 0
        self._connection.set_progress_handler(self._too_late, _STEPS)

    def rows(self, sql: str, parameters: Sequence[Value]) -> list[Any]:
        """Return all rows. Raises SearchTooSlow."""
        text = self._texts.get(sql) or self._new(sql)
        self._until = _NOT_BEGUN  # neither preparing it counts, nor what is over before anybody looks at the clock
        try:
            return self._execute(text, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                self._stopped += 1
                self._texts.pop(sql, None)
                raise SearchTooSlow(f"the search was stopped after {self._seconds} s: narrow it") from None
            raise

    def close(self) -> None:
        self._connection.close()

    def _new(self, sql: str) -> str:
        """Return the words for ``sql``, others after a stop than before.

        The sqlite3 module takes a statement that was stopped to be in use for ever. It would prepare the same words anew for each
        search, which costs more than most of them.
        """
        if len(self._texts) >= _TEXTS:
            self._texts.clear()
        text = self._texts[sql] = f"{sql} --{self._stopped}" if self._stopped else sql
        return text

    def _too_late(self) -> int:
        if self._until == _NOT_BEGUN:
            self._until = self._clock() + self._seconds
        return self._clock() > self._until


class _Snapshots(_Reader):
    """Reads from one snapshot after another: a new one as soon as anything was written that a reader could see, or after a moment.

    Beginning a read for each statement costs locks and, after each line of the record, the whole page cache. A snapshot is
    short-lived all the same, also when nobody reads any more: the log of the database cannot be put back into its file, and grows,
    as long as the oldest one is there.
    """

    def __init__(self, path: Path, seconds: float, writer: SqliteWriter) -> None:
        # Its own work counts, and not that of others on a busy machine: these would make it begin again, and do the work twice.
        super().__init__(path, seconds, thread_time)
        self._writer = writer
        self._seen = -1
        self._old = 0.0
        self._ending: asyncio.TimerHandle | None = None

    def renew(self) -> None:
        """Let the next read see everything that was written, the record too."""
        self._old = 0.0

    def rows(self, sql: str, parameters: Sequence[Value]) -> list[Any]:
        changes = self._writer.changes
        if changes != self._seen or monotonic() > self._old:
            self._until = inf  # SQLite adds up the steps of a statement over all its runs: BEGIN too comes to a look at the clock
            if self._connection.in_transaction:
                self._execute("COMMIT")
            self._execute("BEGIN")
            self._seen = changes
            self._old = monotonic() + _SNAPSHOT
            if self._ending is None:
                self._ending = asyncio.get_running_loop().call_later(_SNAPSHOT, self._end)
        return super().rows(sql, parameters)

    def close(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        super().close()

    def _end(self) -> None:
        left = self._old - monotonic()
        if left > 0:
            self._ending = asyncio.get_running_loop().call_later(left, self._end)
            return
        self._ending = None
        if self._connection.in_transaction:
            self._until = inf
            self._execute("COMMIT")
            self._seen = -1
