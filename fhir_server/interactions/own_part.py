"""Whether the caller may say what an appointment or a response to a questionnaire says: everybody has a part of their own in it."""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.interactions.represented import represented
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network import appointment, response_writing
from fhir_server.storage.repository import Change

_APPOINTMENT: Final = "Appointment"
_TYPES: Final = frozenset({_APPOINTMENT, "QuestionnaireResponse"})


async def require_own_part(call: Call, changes: Sequence[Change]) -> None:
    """Raise what ``appointment.check`` and ``response_writing.check`` do; who represents a client acts in the client's place."""
    found = [each for each in changes if each.type in _TYPES and each.body]
    if not found or call.actor.role == "system":
        return
    people, clients, base = call.actor.people, await represented(call), call.services.base
    for each in found:
        resource, before = read(each.body, OWN).resource, await _before(call, each)
        if each.type == _APPOINTMENT:
            appointment.check(resource, before, (*people, *clients), base)
        else:
            response_writing.check(resource, before, people, clients, base)


async def _before(call: Call, change: Change) -> dict[str, Any] | None:
    """Return what is stored now: when that is not what ``change`` follows, the change is not made."""
    grant = call.services.gate.locating(change.type)
    stored = await call.services.repository.read(grant, change.type, change.id) if change.expected else None
    return read(stored.body, OWN).resource if stored is not None and stored.body else None
