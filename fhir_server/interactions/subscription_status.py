"""The server's own word in a Subscription: its status and why it fails. This makes a version, and no event."""

from dataclasses import replace
from typing import Final

from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.followers import follow
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.interactions.subscription import TYPE
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import Change, Stored, VersionConflict
from fhir_server.storage.subscriptions.store import Subscribed

_ATTEMPTS: Final = 5
_OWN: Final = ("status", "error")


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
            await services.repository.commit([], [change], [line(call, Answer(200, id=id_, version=stored.version + 1))])
        except VersionConflict:
            continue
        await follow(services, [change])
        return


def _next(services: Services, stored: Stored, known: Subscribed) -> Change | None:
    before = read(stored.body, OWN).resource
    own = {"status": known.status, **({"error": known.error} if known.error else {})}
    if own == {name: before[name] for name in _OWN if name in before}:
        return None
    rest = {name: value for name, value in before.items() if name not in _OWN}
    return replace(hub_change(services, {**rest, **own}, stored, services.clock()), keeps_dossier=True)
