"""Reading one resource that lives at a source: its id tells the hub which source to ask, about whom."""

from fhir_server.errors import NotFound
from fhir_server.federation.outcome import failure
from fhir_server.federation.sealed_id import Sealed
from fhir_server.interactions.ask_sources import ask_sources
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.subsets import shown
from fhir_server.model.json import write

_UNKNOWN = "No such resource. Check the type and the id."


async def read(call: Call, sealed: Sealed | None) -> Answer:
    """Ask the source again and answer the resource that ``sealed`` stands for.

    Raises NotFound alike for an id of no meaning, a resource that is not there and one that the caller may not see; SourcesFailed
    or SourcesTimedOut when the source gives no answer.
    """
    patient = await _patient(call, sealed) if sealed and sealed.type == call.type else None
    if sealed is None or patient is None:
        raise NotFound(_UNKNOWN)
    found = await ask_sources(call, patient, only=sealed.source)
    error = failure(found.answers)
    if error is not None:
        raise error
    for each in found.merged:
        if each.id == call.id:
            return Answer(200, shown(call, write(each.resource)), id=call.id, dossier=patient, keep=False)
    raise NotFound(_UNKNOWN)


async def _patient(call: Call, sealed: Sealed) -> str | None:
    grant = call.services.gate.locating("Patient")
    stored = await call.services.repository.find(grant, sealed.patient)
    return f"{stored.type}/{stored.id}" if stored and stored.type == "Patient" and not stored.deleted else None
