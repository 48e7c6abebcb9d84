"""A line of the record for each notification: who was told that something changed, of which client, and when.

It is durable before the notification leaves; many that are made at one moment are written together. There is no content in it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fhir_server.audit.record import row
from fhir_server.catalog.catalog import Catalog
from fhir_server.storage.repository import Repository, Stored
from fhir_server.storage.subscriptions.store import Claim, Notice
from fhir_server.subscriptions.access import Known

NOTIFY: Final = "$notify"
"""What the record calls it."""
_BASIS: Final = "subscription"


@dataclass(frozen=True, slots=True)
class Recorder:
    """``name`` gives the dossier ("Patient/id", "" for nobody's) in which a resource is."""

    repository: Repository
    catalog: Catalog
    name: Callable[[Stored], Awaitable[str]]
    clock: Callable[[], int]

    async def tells(self, claim: Claim, notice: Notice, known: Known) -> None:
        """Write that somebody is about to be told of an event; return when that is durable. Raises what the repository does."""
        line = row(
            known.actor,
            NOTIFY,
            200,
            self.clock(),
            f"{claim.id}.{notice.number}",
            type_=notice.type,
            id_=notice.id,
            version=notice.version,
            dossier=await self.name(known.stored),
            category=self.catalog.types[notice.type].category,
            basis=_BASIS,
        )
        await self.repository.record(line)
