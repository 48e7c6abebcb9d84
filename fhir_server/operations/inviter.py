"""Whether who sent an invitation could send it still: nobody is let into a network by who does not direct it any more."""

from dataclasses import replace
from typing import Final

from fhir_server.access.actor import Actor, Role
from fhir_server.errors import Forbidden, Unauthorized, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.network.invitation import Invitation
from fhir_server.network.network_roles import Directing, network_roles
from fhir_server.operations.directed import Known, directs_as

_ROLES: Final[dict[str, Role]] = {
    "Patient": "patient",
    "RelatedPerson": "related-person",
    "Practitioner": "practitioner",
    "PractitionerRole": "practitioner",
}


async def require_inviter(call: Call, team: Known, wanted: Invitation) -> None:
    """Raise Unprocessable (invitation-withdrawn) where who invited directs the network no longer, or may not give this role.

    What the platform sent holds: it has no place in the network that could end.
    """
    role = _ROLES.get(wanted.requester.partition("/")[0])
    if role is None:
        return
    as_ = await _directs(call, team, wanted, role)
    known = network_roles().roles
    given = [code for code in network_roles().codes([wanted.role]) if code in known]
    if as_ is None or any(as_ not in known[code].granted_by for code in given):
        text = "Who sent this invitation does not direct this network any more. Ask for a new one."
        raise Unprocessable(text, detail="invitation-withdrawn")


async def _directs(call: Call, team: Known, wanted: Invitation, role: Role) -> Directing | None:
    inviter = Actor(wanted.requester, role, (), people=(wanted.requester,))
    try:
        inviter = await call.services.standings.of(inviter, call.now)
        return await directs_as(replace(call, actor=inviter), team, wanted.client, "")
    except (Unauthorized, Forbidden):
        return None
