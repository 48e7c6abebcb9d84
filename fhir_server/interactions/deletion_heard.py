"""Subscribers who could see a resource hear that it is deleted: who they are is found out before the deletion is made."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.catalog.announced import announced
from fhir_server.interactions.call import Call
from fhir_server.interactions.subscription import access_of
from fhir_server.storage.repository import Change
from fhir_server.storage.subscriptions.store import Event
from fhir_server.subscriptions.criteria import Reading
from fhir_server.subscriptions.parting import hearing


async def heard(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, each deletion with the subscriptions that hear of it."""
    return [await _heard(call, each) if each.indexed is None and each.type in announced().types else each for each in changes]


async def _heard(call: Call, change: Change) -> Change:
    services = call.services
    last = Event(0, change.type, change.id, change.expected, change.updated)
    reading = Reading(services.catalog, services.base)
    told = await hearing(services.repository.subscriptions(), access_of(services), reading, last)
    return replace(change, told=tuple(told))
