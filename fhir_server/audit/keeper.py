"""Who keeps the record: makes anchors now and then, removes what is too old, and verifies all of it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fhir_server.audit.anchors import Sign, copied, copy, make
from fhir_server.audit.retention import Removed, retain
from fhir_server.audit.verify import Open, Progress, Sound, verify
from fhir_server.storage.journal.keeping import Anchor
from fhir_server.storage.reindex.database import IndexDatabase
from fhir_server.storage.repository import Repository

_log = logging.getLogger(__name__)
_SECOND = 1_000_000
_EARLY = 0.9  # of the interval: another process may have been a little later


@dataclass(frozen=True, slots=True)
class Keeper:
    """``sign`` and ``open_`` make and read signed anchors, of which ``file`` gets a copy; ``days`` is how long lines are kept."""

    sign: Sign
    open_: Open
    file: Path
    clock: Callable[[], int]
    days: int

    def anchor(self, database: IndexDatabase, least: float = 0) -> list[Anchor]:
        """Anchor what no anchor names yet, unless the last anchor is less than ``least`` seconds old."""
        made = make(database, self.sign, self.clock(), int(least * _SECOND))
        copy(made, self.file)
        return made

    def retain(self, database: IndexDatabase) -> Removed:
        """Remove what is too old. Raises ValueError when that would be too soon."""
        removed = retain(database, self.sign, self.clock(), self.days)
        copy(removed.anchors, self.file)
        return removed

    def verify(self, database: IndexDatabase, progress: Progress, witness: Path | None = None) -> Sound:
        """Verify the record, also against the copies of its anchors, here and in ``witness``. Raises Broken, OSError."""
        copies = [*copied(self.file), *(copied(witness) if witness else ())]
        with database.snapshot() as at:
            return verify(at, self.open_, copies, progress)

    async def keep(self, repository: Repository, interval: float) -> None:
        """Anchor and remove every ``interval`` seconds, for ever."""
        while True:
            await asyncio.sleep(interval)
            await self.once(repository, interval * _EARLY)

    async def once(self, repository: Repository, least: float = 0) -> None:
        """Do it once; what fails is logged, and done the next time."""

        def work(database: IndexDatabase) -> None:
            with closing(database):
                self.anchor(database, least)
                self.retain(database)

        try:
            await asyncio.to_thread(work, repository.index())
        except Exception as error:  # noqa: BLE001 - the database may be away for a moment
            _log.warning("cannot anchor the record", extra={"error": type(error).__name__})
