"""What is particular about writing a Subscription: what is kept beside it, and that it belongs to who made it alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fhir_server.access.private import private
from fhir_server.interactions.call import Call
from fhir_server.interactions.parted import permits
from fhir_server.interactions.services import Services
from fhir_server.interactions.subscription_limit import require_room
from fhir_server.model.json import Document, write
from fhir_server.storage.repository import Change, Stored
from fhir_server.storage.subscriptions.store import Subscribing
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.admission import hidden
from fhir_server.subscriptions.mail import require_own

TYPE = "Subscription"


def read(call: Call, document: Document, id_: str) -> tuple[Document, Subscribing]:
    """Return what is to be stored as the resource, and what is kept beside it. Raises as ``Admission.read`` does.

    Raises Forbidden also when the caller may not read the type that is subscribed to.
    """
    services = call.services
    made = services.subscriptions.read(document.resource, id_, call.actor, services.catalog, services.base)
    services.gate.grant(call.actor, "read", made.type)
    shown = hidden(document.resource)
    if shown == document.resource:
        return document, made
    return Document(shown, {**document.members, "channel": write(shown["channel"]).decode()}), made


def owned(call: Call, change: Change, made: Subscribing, previous: Stored | None) -> Change:
    """Return ``change`` with ``made``, in the dossier of its owner: who makes it first.

    The owner remains the subscriber when system changes it; who brings it back after a deletion is the subscriber from then on.
    """
    if previous is None:
        assert change.indexed is not None
        return replace(change, subscription=made, indexed=replace(change.indexed, dossier=private(call.actor.reference)))
    if call.actor.role == "system" and not previous.deleted:
        made = replace(made, subscriber="", audience=())
    return replace(change, subscription=made, keeps_dossier=True)


async def completed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit with what they leave to be looked up.

    Raises as ``Admission.completed`` and ``require_room`` do.
    """
    await require_room(call, changes)
    return [each if each.subscription is None else await _completed(call, each, each.subscription) for each in changes]


async def _completed(call: Call, change: Change, made: Subscribing) -> Change:
    if not made.status:
        return change
    if made.channel == "email":
        await require_own(access_of(call.services), call.actor, made.endpoint)
    stored = await call.services.repository.subscriptions().find(change.id)
    found = await call.services.subscriptions.completed(made, stored.secret if stored else "")
    return replace(change, subscription=found)


def access_of(services: Services) -> Access:
    """Return what subscribers may see."""
    return Access(
        services.repository, services.gate, services.standings.of, services.clock, services.base, partial(permits, services)
    )


def ended(id_: str) -> Subscribing:
    """Return what is kept when a Subscription is deleted: nothing."""
    return Subscribing(id_, "")
