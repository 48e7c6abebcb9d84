"""Who may say of an object that an organisation made it, by an identifier of its author: who works for that organisation.

By such an identifier the copy of a source and the one that is stored here are known as one (``federation/duplicates``), so that
whoever could give any would let their own stand for another's.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fhir_server.errors import Forbidden
from fhir_server.federation.duplicates import Assigned, assigned
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.json_parts import listed, text
from fhir_server.storage.repository import Change

_MARK: Final = b"provenance-participant-type"
_TEXT: Final = "This identifier says that another organisation made it. Leave it out, or let that organisation write it."


async def require_authorship(call: Call, changes: Sequence[Change]) -> None:
    """Raise Forbidden (author-of-another) for a new author's identifier that no organisation of the caller gave."""
    if call.actor.role == "system":
        return
    for change in changes:
        if _MARK in change.body:
            await _require(call, change)


async def _require(call: Call, change: Change) -> None:
    claimed = list(assigned(read(change.body, OWN).resource))
    if not claimed:
        return
    own = {*await _before(call, change)} if change.expected else set[Assigned]()
    new = [each for each in claimed if each not in own]
    numbers = await _numbers(call) if new else set()
    if any(each.assigner not in numbers for each in new):
        raise Forbidden(_TEXT, expression=f"{change.type}.identifier", detail="author-of-another")


async def _before(call: Call, change: Change) -> Iterable[Assigned]:
    grant = call.services.gate.locating(change.type)
    stored = await call.services.repository.read(grant, change.type, change.id)
    return assigned(read(stored.body, OWN).resource) if stored and not stored.deleted else ()


async def _numbers(call: Call) -> set[tuple[str, str]]:
    """Return the identifiers (system, value) of the organisations that the caller works for now."""
    grant = call.services.gate.locating("Organization")
    found = await call.services.repository.fetch([grant], call.actor.organisations) if call.actor.organisations else ()
    each: list[Any] = [one for stored in found for one in listed(read(stored.body, OWN).resource, "identifier")]
    return {(text(one, "system"), text(one, "value")) for one in each}
