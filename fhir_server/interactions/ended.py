"""What a deletion means for everything else: what is deleted is over, as if its last version had said so.

What refers to it keeps it from being deleted (``integrity``). This takes care of what only goes by it, such as the Tasks of the
members of a team, and of all the rest where references are not checked.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import Change

_OVER: Mapping[str, str] = dict.fromkeys(("CareTeam", "CommunicationRequest", "Communication"), "entered-in-error")
"""The status of what is over, by the type of which something follows."""
NETWORK_OVER: Final = frozenset({"inactive", "entered-in-error"})


async def as_ended(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in the place of each deletion the change that would have ended it, for rules to look at."""
    return [await _ended(call, each) if each.indexed is None and each.type in _OVER else each for each in changes]


async def _ended(call: Call, change: Change) -> Change:
    services = call.services
    grant = services.gate.locating(change.type)
    stored = await services.repository.read(grant, change.type, change.id)
    if stored is None or stored.deleted:
        return change
    return hub_change(services, {**read(stored.body, OWN).resource, "status": _OVER[change.type]}, stored, change.updated)
