"""Reading one resource that lives at a source: its id tells the hub which source to ask, about whom."""

from fhir_server.errors import Forbidden, NotFound
from fhir_server.federation.outcome import failure
from fhir_server.federation.sealed_id import Sealed
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions.ask_sources import ask_sources
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
    found = await ask_sources(call, patient, only=sealed.source)
    error = failure(found.answers)
    if error is not None:
        raise error
    for each in found.merged.values():
        if each.id == call.id:
            return Answer(200, shown(call, write(each.resource)), id=call.id, dossier=patient, keep=False)
    raise NotFound(UNKNOWN)
