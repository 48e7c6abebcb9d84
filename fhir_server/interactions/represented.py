"""Whom the caller represents, as the dossier knows it."""

from collections.abc import Iterable
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.representative import represents
from fhir_server.search.tree import MemberOf, Query, ReferenceTo

_MOST: Final = 200  # people who represent one client


async def represented(call: Call) -> list[str]:
    """Return the clients ("Patient/id") whom the caller represents, in whose networks the caller is now."""
    services, actor = call.services, call.actor
    clients = sorted({each for one in await relations(call) if (each := represented_by(call, one))})
    members = MemberOf(actor.people, call.now, actor.left)
    return [each for each in clients if await services.repository.is_member(members, each)]


async def relations(call: Call) -> Iterable[dict[str, Any]]:
    """Return the RelatedPersons that the caller is; none for every other role."""
    services, actor = call.services, call.actor
    if actor.role != "related-person":
        return []
    grants = [services.gate.locating("RelatedPerson")]
    found = await services.repository.fetch(grants, [each for each in actor.people if each.startswith("RelatedPerson/")])
    return [read(each.body, OWN).resource for each in found if each.body and not each.deleted]


async def representatives(call: Call, patient: str) -> list[str]:
    """Return who ("RelatedPerson/id") represents ``patient`` ("Patient/id") now, whether or not in the network."""
    grant = call.services.gate.locating("RelatedPerson")
    page = await call.services.repository.search(grant, Query("RelatedPerson", ReferenceTo("patient", patient), count=_MOST))
    related = [read(each.body, OWN).resource for each in page.resources]
    return [f"RelatedPerson/{each['id']}" for each in related if represented_by(call, each) == patient]


def represented_by(call: Call, related: dict[str, Any]) -> str:
    """Return the client ("Patient/id") whom a RelatedPerson represents now, whether or not in the network; "" for nobody."""
    services = call.services
    return represents(related, services.gate.representatives, call.now, services.base)
