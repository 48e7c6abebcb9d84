"""The server's own word in a Subscription: its status and why it fails. This makes a version, and no event."""

from typing import Final

from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.followers import follow
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.interactions.subscription import TYPE
from fhir_server.model.body import OWN
from fhir_server.model.json import Document, read, splice, write
from fhir_server.model.meta import instant
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Change, Stored, VersionConflict
from fhir_server.storage.subscriptions.store import Subscribed

_ATTEMPTS: Final = 5


async def tell(services: Services, id_: str) -> None:
    """Let the Subscription ``id_`` say what became of it, unless it does."""
    grant = services.gate.locating(TYPE)
    for _ in range(_ATTEMPTS):
        stored = await services.repository.read(grant, TYPE, id_)
        known = await services.repository.subscriptions().find(id_)  # after the version: a newer one is a conflict
        if stored is None or stored.deleted or known is None:
            return
        change = _next(services, stored, known)
        if change is None:
            return
        call = Call(
            services, local_system(), "update", services.catalog.types[TYPE], id=id_, request=services.new_id(), now=change.updated
        )
        try:
            await services.repository.commit([grant], [change], [line(call, Answer(200, id=id_, version=stored.version + 1))])
        except VersionConflict:
            continue
        await follow(services, [change])
        return


def _next(services: Services, stored: Stored, known: Subscribed) -> Change | None:
    document = read(stored.body, OWN)
    before = document.resource
    own = {"status": known.status, **({"error": known.error} if known.error else {})}
    if own == {name: before[name] for name in ("status", "error") if name in before}:
        return None
    members = {**document.members, **{name: write(text).decode() for name, text in own.items()}}
    resource = {**before, **own}
    if not known.error:
        resource.pop("error", None)
        members.pop("error", None)
    now = services.clock()
    resource["meta"] = {**before["meta"], "lastUpdated": instant(now)}
    entry = services.catalog.indexing(TYPE)
    return Change(
        type=TYPE,
        id=stored.id,
        expected=stored.version,
        updated=now,
        body=splice(Document(resource, members), id=stored.id, version=stored.version + 1, updated=instant(now)),
        indexed=extract(resource, entry, services.base),
        previous=extract(before, entry, services.base),
        keeps_dossier=True,
    )
