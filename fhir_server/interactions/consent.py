"""Whether somebody who writes a choice for the client has the mandate, as the dossier knows it."""

from collections.abc import Sequence

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.mandate import acts_for
from fhir_server.storage.repository import Change


async def require_mandates(call: Call, changes: Sequence[Change]) -> None:
    """Raise Forbidden when a related person changes a Consent in a dossier whose client gave them no mandate."""
    if call.actor.role != "related-person":
        return
    for dossier in {each.indexed.dossier for each in changes if each.type == "Consent" and each.indexed}:
        if not await _acts_for(call, dossier):
            text = "You have no mandate to choose for this client. The organisation that keeps the network can register it."
            raise Forbidden(text, expression="Consent.performer", detail="consent-mandate-unknown")


async def _acts_for(call: Call, dossier: str) -> bool:
    services = call.services
    people = [each for each in call.actor.people if each.startswith("RelatedPerson/")]
    grants = [services.gate.locating("RelatedPerson")]
    stored = await services.repository.fetch(grants, people)
    known = [read(each.body, OWN).resource for each in stored if each.body and not each.deleted]
    return any(acts_for(each, dossier, call.now, services.base) for each in known)
