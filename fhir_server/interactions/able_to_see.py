"""Who of a client's network may see a message of the client now: the decision that a read of theirs would pass."""

from collections.abc import Iterable

from fhir_server.access.actor import PURPOSES
from fhir_server.access.sight import Held, one
from fhir_server.interactions.call import Call
from fhir_server.interactions.network_of import network_of
from fhir_server.interactions.sights import MESSAGE
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.network.audience import people
from fhir_server.storage.consent_rule import HUB


async def able_to_see(call: Call, patient: str, wanted: Iterable[str]) -> set[str]:
    """Return those of ``wanted`` (people, and teams: "Type/id") who may see a message of ``patient``; of a team somebody may.

    Whoever is in no team of the client may not, whatever was consented to.
    """
    asked = set(wanted)
    services = call.services
    entry = services.catalog.types["CommunicationRequest"]
    held = Held(entry.category_coding, HUB, services.gate.readers(entry.name), open_without=entry.category == MESSAGE)
    rules = tuple(await services.repository.rules(patient))
    seeing: set[str] = set()
    for member in await network_of(call, patient):
        if one(patient, member, held, PURPOSES.get(member.actor.role, ""), rules, call.now).permit:
            seeing.update((member.actor.reference, *member.actor.people))
    teams = await ThreadStore(call, ()).teams(asked)
    return {each for each in asked if seeing.intersection(people([each], teams, call.now, services.base))}
