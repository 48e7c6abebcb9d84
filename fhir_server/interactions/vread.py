"""The vread interaction (https://hl7.org/fhir/R4/http.html#vread)."""

from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import answer, existing


async def vread(call: Call) -> Answer:
    """Answer one version of a resource, under the same rules as its current version.

    Of a resource that the caller may not see every version is refused, so that nobody learns how many there are.
    """
    grant = call.services.gate.grant(call.actor, "read", call.type)
    stored = await call.services.repository.vread(grant, call.type, call.id, call.version)
    if stored is None:
        current = await call.services.repository.read(grant, call.type, call.id)
        if current is not None and current.visible:
            return answer(call, existing(call, None, known=True))
        stored = current
    return answer(call, existing(call, stored))
