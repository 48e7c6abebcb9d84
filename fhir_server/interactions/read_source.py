"""Reading one resource that lives at a source: its id tells the hub which source to ask, about whom."""

from fhir_server.errors import Forbidden, NotFound
from fhir_server.federation.outcome import failure
from fhir_server.federation.sealed_id import Sealed
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions.ask_along import any_of
from fhir_server.interactions.ask_sources import ask_sources
from fhir_server.interactions.asking_once import asking_once
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.sealed_patient import UNKNOWN, patient_of
from fhir_server.interactions.subsets import shown
from fhir_server.model.json import write


def is_open(call: Call) -> bool:
    """Tell whether the caller may ask sources for the type at all: to who may not, a sealed id means no more than any other."""
    try:
        call.services.gate.federated(call.actor, call.type, "", "read")
    except Forbidden:
        return False
    return True


@undisturbed
async def read(call: Call, sealed: Sealed | None) -> Answer:
    """Ask the source again and answer the resource that ``sealed`` stands for.

    Raises Forbidden for who may not ask sources for the type, whatever the id; NotFound alike for an id of no meaning, a resource
    that is not there and one that the caller may not see; SourcesFailed or SourcesTimedOut when the source gives no answer.
    """
    call.services.gate.federated(call.actor, call.type, "", "read")
    patient = await patient_of(call, sealed) if sealed and sealed.type == call.type else None
    if sealed is None or patient is None:
        raise NotFound(UNKNOWN)
    async with asking_once(call) as one:
        # What is about nobody comes along with what is about the client.
        found = await (ask_sources(one, patient, only=sealed.source) if call.entry.patient else any_of(one, patient, sealed.source))
        body = next((write(each.resource) for each in found.merged.values() if each.id == call.id), b"")
    if body:
        return Answer(200, shown(call, body), id=call.id, dossier=patient, keep=False)
    raise failure(found.answers) or NotFound(UNKNOWN)
