"""Whether somebody who writes a choice for the client has the mandate, as the dossier knows it."""

from collections.abc import Sequence

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from fhir_server.interactions.represented import relations, represented_by
from fhir_server.storage.repository import Change


async def require_mandates(call: Call, changes: Sequence[Change]) -> None:
    """Raise Forbidden when a related person changes a Consent in a dossier whose client gave them no mandate."""
    if call.actor.role != "related-person":
        return
    dossiers = {each.indexed.dossier for each in changes if each.type == "Consent" and each.indexed}
    known = {represented_by(call, each) for each in await relations(call)} if dossiers else set()
    for dossier in dossiers:
        if dossier not in known:
            text = "You have no mandate to choose for this client. The organisation that keeps the network can register it."
            raise Forbidden(text, expression="Consent.performer", detail="consent-mandate-unknown")
