"""The reindex as the server does it, beside its requests, and what the command does by itself: which rows there are to be when."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from threading import Event
from typing import Final

from fhir_server.catalog import own
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.catalog.registered import Registered
from fhir_server.interactions.own_parameters import OwnParameters, register
from fhir_server.network.rebuild import rebuilt
from fhir_server.search.rows import key
from fhir_server.storage import migrate
from fhir_server.storage.reindex import parameters, run
from fhir_server.storage.reindex.database import IndexDatabase, Transaction
from fhir_server.storage.reindex.expected import Rebuild
from fhir_server.storage.repository import Repository

LOOK: Final = 0.5
"""Seconds after which a process looks again for what others registered."""
SETTLED: Final = 3 * LOOK
"""Seconds after which every process knows what was registered, and has done what it began before."""
_SECOND = 1_000_000
_log = logging.getLogger("fhir_server.reindex")


class Stopped(Exception):
    """The server ends; the reindex goes on when it is started again."""


class Planned:
    """The plan of a reindex (``storage/reindex/run.Plan``): the parameters that wait for it get ready, and what they follow goes.

    ``wait`` waits so many seconds. ``switched`` is called when other parameters can be searched by, before rows are removed.
    """

    def __init__(
        self,
        database: IndexDatabase,
        types: Mapping[str, Entry],
        base: str,
        clock: Callable[[], int],
        wait: Callable[[float], object],
        switched: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._types = types
        self._base = base
        self._clock = clock
        self._wait = wait
        self._switched = switched
        self._building: Sequence[Registered] = ()
        self._follows = False

    def begin(self) -> tuple[int, Rebuild]:
        """Return scope and rows of the filling, once everybody indexes what is to be filled."""
        found = self._registered()
        self._building = [one for one in found if one.state == "building"]
        ready = {(one.type, one.code) for one in found if one.state == "ready"}
        self._follows = any((one.type, one.code) in ready for one in self._building)
        newest = max((one.registered for one in self._building), default=0)
        left = SETTLED - (self._clock() - newest) / _SECOND
        if self._database.shared and left > 0:
            self._wait(left)
        live = sorted(f"{one.type} {one.code} {one.generation}" for one in found if one.state != "retired")
        return key(migrate.head(), *live), _rebuild(self._types, found, self._base)

    def filled(self, transaction: Transaction) -> None:
        """Let the parameters that were built be searched by."""
        parameters.change(transaction, self._database.lock, lambda found: own.built(found, self._building))

    def clear(self) -> Rebuild:
        """Return the rows that are to stay, once nobody searches by what is to go."""
        self._switched()
        if self._database.shared and self._follows:
            self._wait(SETTLED)
        return _rebuild(self._types, self._registered(), self._base)

    def _registered(self) -> Sequence[Registered]:
        lock, now = self._database.lock, self._clock()
        return self._database.write(lambda transaction: register(transaction, lock, self._types, now))[1]


def current(database: IndexDatabase, types: Mapping[str, Entry], base: str) -> Rebuild:
    """Return the rows that there should be now, with the parameters that are registered."""
    with database.snapshot() as snapshot:
        return _rebuild(types, parameters.registered(snapshot), base)


def _rebuild(types: Mapping[str, Entry], found: Sequence[Registered], base: str) -> Rebuild:
    catalog = Catalog(types)
    own.join(catalog, types, found)
    return rebuilt(lambda type_: catalog.indexing(type_) if type_ in catalog.types else None, base)


class Reindexing:
    """The reindex of a running server, one at a time."""

    def __init__(
        self, repository: Repository, parameters_: OwnParameters, types: Mapping[str, Entry], base: str, clock: Callable[[], int]
    ) -> None:
        """Work on ``repository``; ``types`` are those of the file."""
        self._repository = repository
        self._parameters = parameters_
        self._types = types
        self._base = base
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._stop = Event()

    @property
    def running(self) -> bool:
        """Whether this process is at it."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin, or go on, unless it is under way."""
        if not self.running:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it after the batch that is being written; what is done is kept."""
        self._stop.set()
        await self.ended()

    async def ended(self) -> None:
        """Return when it is not under way."""
        if self._task is not None:
            await self._task

    async def state(self) -> tuple[run.State, Sequence[Registered]]:
        """Return how far it is, and every parameter that was registered."""

        def read(database: IndexDatabase) -> tuple[run.State, Sequence[Registered]]:
            with closing(database):
                return database.write(lambda transaction: (run.state(transaction), parameters.registered(transaction)))

        return await asyncio.to_thread(read, self._repository.index())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()

        def switched() -> None:
            asyncio.run_coroutine_threadsafe(self._parameters.look(), loop).result()

        try:
            done = await asyncio.to_thread(self._work, self._repository.index(), switched)
            _log.info("reindexed", extra={"resources": done.resources, "added": done.added, "removed": done.removed})
        except Stopped:
            _log.info("reindex stopped; it goes on when it is started again")
        except run.ReindexRunning:
            _log.info("another process is reindexing")
        except Exception as error:  # noqa: BLE001 - nobody waits for it; how far it came shows that it ended
            _log.error("reindex failed", extra={"error": type(error).__name__})

    def _work(self, database: IndexDatabase, switched: Callable[[], None]) -> run.Summary:
        with closing(database):
            plan = Planned(database, self._types, self._base, self._clock, self._wait, switched)
            return run.reindex(database, plan, self._clock, self._progress, _BATCH)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _progress(self, _phase: str, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise Stopped


_BATCH = 50  # resources of one transaction, for which other writers wait
