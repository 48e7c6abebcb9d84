"""Whom the id of a resource that lives at a source is about."""

from typing import Final

from fhir_server.federation.sealed_id import Sealed
from fhir_server.interactions.call import Call

UNKNOWN: Final = "No such resource. Check the type and the id."
"""What is said alike of an id of no meaning, a resource that is not there and one that the caller may not see."""


async def patient_of(call: Call, sealed: Sealed) -> str | None:
    """Return the client ("Patient/id") whom a sealed id is about, None when there is no such client."""
    grant = call.services.gate.locating("Patient")
    stored = await call.services.repository.find(grant, sealed.patient)
    return f"{stored.type}/{stored.id}" if stored and stored.type == "Patient" and not stored.deleted else None
