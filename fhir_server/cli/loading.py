"""Loads resources fast: other processes check and index them, this one writes them, many in one transaction."""

import asyncio
import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from multiprocessing import get_context

from fhir_server.bootstrap import open_services, prepare, preparing_services
from fhir_server.catalog.registered import Registered
from fhir_server.cli.documents import Found
from fhir_server.errors import Issue
from fhir_server.interactions import load
from fhir_server.interactions.services import Services
from fhir_server.settings import Settings

BATCH = 300  # resources in one transaction
_AHEAD = 2  # batches that are being prepared, for each process that does
_WRITING = 2  # batches that are being written

_YOUNG = 50_000  # objects; what is made of a resource refers to itself nowhere

_Prepared = Sequence[load.New | load.Refused]


@dataclass(slots=True)
class Loaded:
    """How far loading is; ``size`` is what was read of the files, in bytes. ``packing``: all is stored, the indexes are packed."""

    stored: int = 0
    unchanged: int = 0
    refused: int = 0
    size: int = 0
    packing: bool = False

    @property
    def count(self) -> int:
        """Return how many resources were looked at."""
        return self.stored + self.unchanged + self.refused


class Stopped(Exception):
    """A resource was refused, and nothing after its batch is stored."""


@dataclass(slots=True)
class Loading:
    """One run: ``refused`` is told of every resource that is not stored and says whether to go on, ``progress`` how far it is."""

    services: Services
    refused: Callable[[str, Sequence[Issue]], bool]
    progress: Callable[[Loaded], None]
    done: Loaded = field(default_factory=Loaded)

    async def run(self, pool: Executor, batches: Iterable[list[Found]]) -> None:
        """Store everything; raises Stopped."""
        loop = asyncio.get_running_loop()
        preparing: deque[tuple[list[Found], asyncio.Future[_Prepared]]] = deque()
        writing: deque[asyncio.Task[None]] = deque()
        try:
            for batch in batches:
                preparing.append((batch, loop.run_in_executor(pool, _prepare, [each.body for each in batch])))
                if len(preparing) > _AHEAD * _workers():
                    await self._write(*preparing.popleft(), writing)
            while preparing:
                await self._write(*preparing.popleft(), writing)
            for task in writing:
                await task
        finally:
            await asyncio.gather(*writing, return_exceptions=True)

    async def _write(self, batch: list[Found], prepared: "asyncio.Future[_Prepared]", writing: "deque[asyncio.Task[None]]") -> None:
        """Begin to write the next batch once not too many are being written."""
        while len(writing) >= _WRITING:
            await writing.popleft()
        before = writing[-1] if writing else None
        writing.append(asyncio.create_task(self._store(batch, await prepared, before)))

    async def _store(self, batch: list[Found], prepared: _Prepared, before: "asyncio.Task[None] | None") -> None:
        new = [each for each in prepared if isinstance(each, load.New)]
        left = batch
        if len(new) == len(prepared):
            same = await load.known(self.services, new)
            self.done.unchanged += sum(same.values())
            stored = await self._together([each for each in new if each.change.reference not in same], before)
            left = [found for found, each in zip(batch, new, strict=True) if not same.get(each.change.reference, stored)]
        if left and before is not None:
            await before
        await self._one_by_one(left)
        self.done.size += sum(each.size for each in batch)
        self.progress(self.done)

    async def _together(self, new: Sequence[load.New], before: "asyncio.Task[None] | None") -> bool:
        """Store what is new in one transaction; False when it has to be done one by one."""
        if not new:
            return True
        stored = await load.store_new(self.services, new)
        if not stored and before is not None:
            await before  # it may refer to what is being written in the batch before
            stored = await load.store_new(self.services, new)
        self.done.stored += len(new) if stored else 0
        return stored

    async def _one_by_one(self, batch: list[Found]) -> None:
        for found in batch:
            result = (
                load.Refused((Issue("structure", found.error),)) if found.error else await load.store(self.services, found.body)
            )
            if isinstance(result, load.Refused):
                self.done.refused += 1
                if not self.refused(found.place, result.issues):
                    raise Stopped
            elif result.changed:
                self.done.stored += 1
            else:
                self.done.unchanged += 1


def load_all(
    settings: Settings, found: Iterable[Found], refused: Callable[[str, Sequence[Issue]], bool], progress: Callable[[Loaded], None]
) -> Loaded:
    """Store all of ``found`` as the system, in their order; return how it went, also when it was stopped by ``refused``."""
    batches = _batches(found)
    first = list(islice(batches, 2))
    prepare(settings)
    return asyncio.run(_load(settings, first, batches, refused, progress))


def _pool(settings: Settings, registered: Sequence[Registered], *, large: bool) -> Executor:
    """Return who prepares: other processes, or for a single batch, which is done before they have begun, a thread of this one."""
    begin = (settings, registered)
    if not large:
        return ThreadPoolExecutor(1, "loading", _begin, begin)
    forking = get_context("forkserver")
    forking.set_forkserver_preload([__name__])  # what all of them need is imported once
    return ProcessPoolExecutor(_workers(), forking, _begin_process, begin)


def _workers() -> int:
    return os.cpu_count() or 1  # this process has little to do while they check


async def _load(
    settings: Settings,
    first: Sequence[list[Found]],
    batches: Iterable[list[Found]],
    refused: Callable[[str, Sequence[Issue]], bool],
    progress: Callable[[Loaded], None],
) -> Loaded:
    settings = replace(settings, referential_integrity="off")  # files come in any order
    services = await open_services(settings)
    loading = Loading(services, refused, progress)
    try:
        with _pool(settings, services.catalog.own, large=len(first) > 1) as pool:
            await loading.run(pool, chain(first, batches))
        await _pack(loading)
    except Stopped:
        return loading.done
    finally:
        await services.repository.close()
    return loading.done


async def _pack(loading: Loading) -> None:
    def begun() -> None:
        loading.done.packing = True
        loading.progress(loading.done)

    index = loading.services.repository.index()
    try:
        await asyncio.to_thread(index.pack, loading.done.stored, begun)
    finally:
        await asyncio.to_thread(index.close)


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    each = iter(found)
    while batch := list(islice(each, BATCH)):
        yield batch


_services: list[Services] = []


def _begin(settings: Settings, registered: Sequence[Registered]) -> None:
    """Prepare a process that prepares resources; it never asks the database."""
    _services[:] = [preparing_services(settings, registered)]


def _begin_process(settings: Settings, registered: Sequence[Registered]) -> None:
    _begin(settings, registered)
    gc.collect()
    gc.freeze()  # the catalogue and the definitions, which would be gone through again and again
    gc.set_threshold(_YOUNG, 20, 20)


def _prepare(bodies: Sequence[bytes]) -> _Prepared:
    return [load.prepare(_services[0], body) for body in bodies]
