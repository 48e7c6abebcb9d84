"""The catalogue of a running server, kept in step with the SearchParameters that are stored.

They are registered in the database first, and every process that serves it joins to its catalogue what is registered there: at once
where the SearchParameter was written, elsewhere when ``look`` finds the number of the state changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing

from fhir_server.catalog import own
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.catalog.registered import Registered
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.reindex import parameters
from fhir_server.storage.reindex.database import IndexDatabase, Transaction
from fhir_server.storage.repository import Change, Repository


class OwnParameters:
    """Keeps ``catalog``, which was read from the file, in step with ``repository``."""

    def __init__(self, catalog: Catalog, repository: Repository, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._types = catalog.types
        self._repository = repository
        self._clock = clock
        self._number = -1
        self._behind = True

    async def follow(self, changes: Iterable[Change]) -> None:
        """Register what was written, if it was a SearchParameter."""
        if any(change.type == "SearchParameter" for change in changes):
            self._behind = True
            await self.refresh()

    async def refresh(self) -> None:
        """Register what is stored, and join it to the catalogue."""
        number, found = await asyncio.to_thread(self._register, self._repository.index())
        if number > self._number:
            self._number = number
            own.join(self._catalog, self._types, found)
        self._behind = False

    async def look(self) -> None:
        """Join what others registered meanwhile."""
        if self._behind or await self._repository.parameters_number() != self._number:
            await self.refresh()

    def _register(self, database: IndexDatabase) -> tuple[int, Sequence[Registered]]:
        with closing(database):
            return database.write(lambda transaction: register(transaction, database.lock, self._types, self._clock()))


def register(transaction: Transaction, lock: str, types: Mapping[str, Entry], now: int) -> tuple[int, Sequence[Registered]]:
    """Register what is stored; return the number of this state, and everything registered. ``types`` are those of the file."""

    def follow(before: Sequence[Registered]) -> Sequence[Registered]:
        stored = parameters.stored(transaction)
        wanted = [one for id_, body in stored for one in own.read(read(body, OWN).resource, id_, now)]
        return own.planned(before, wanted, types)

    return parameters.change(transaction, lock, follow)
