"""The names of dossiers, for the record: the store knows them by their keys."""

from collections import OrderedDict
from typing import Final

from fhir_server.access.gate import Gate
from fhir_server.catalog.catalog import Catalog
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Repository, Stored

_KEPT: Final = 10_000


class DossierNames:
    """Finds the names ("Patient/id"), and keeps as many as are in use."""

    def __init__(self, repository: Repository, gate: Gate, catalog: Catalog, base: str) -> None:
        """Look them up in ``repository``; what is stored at ``base`` may name them with it."""
        self._repository, self._gate, self._catalog, self._base = repository, gate, catalog, base
        self.known: OrderedDict[int, str] = OrderedDict()
        """Those that were found before, by their keys."""

    async def of(self, found: Stored) -> str:
        """Return the name of the dossier in which ``found`` is, "" for one that is nobody's but its maker's."""
        name = self.known.get(found.dossier)
        if name is None:
            name = await self._looked_up(found)
            if name:
                self._keep(found.dossier, name)
        return name

    def _keep(self, key: int, name: str) -> None:
        self.known[key] = name
        if len(self.known) > _KEPT:
            self.known.popitem(last=False)

    async def _looked_up(self, found: Stored) -> str:
        grant = self._gate.locating("Patient")
        client = await self._repository.find(grant, found.dossier)
        if client is not None:
            return f"Patient/{client.id}"
        if not found.body:
            return ""
        # The client was never stored here: what is stored says whose it is.
        return extract(read(found.body, OWN).resource, self._catalog.types[found.type], self._base).dossier
