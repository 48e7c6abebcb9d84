"""In which dossier a Binary is stored, before it is: looked up under the caller's grants."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fhir_server.access.private import private
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.reply import dossier_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.reference import Reference
from fhir_server.network.binary import context, names_context
from fhir_server.network.circle import circle_of_context
from fhir_server.search.extract import extract
from fhir_server.storage.circle import Circle
from fhir_server.storage.repository import Change

_PLACE = "Binary.securityContext"


async def placed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in which every Binary has its dossier.

    That is the dossier of its securityContext, which may be among ``changes`` itself. Without one it is private to who made it, and
    stays so when somebody else changes it. Raises Forbidden when the caller may not see the securityContext, Unprocessable when it
    is in no dossier; what `system` stores with such a context is closed to everybody else.
    """
    return [await _placed(call, each, changes) if each.type == "Binary" else each for each in changes]


async def _placed(call: Call, change: Change, changes: Sequence[Change]) -> Change:
    if change.indexed is None or change.indexed.dossier:
        return change
    binary = read(change.body, OWN).resource
    if not names_context(binary):
        if await _was_private(call, change):
            return replace(change, keeps_dossier=True)
        return _into(change, private(call.actor.reference))
    named = context(binary, call.services.base)
    if call.actor.role == "system":
        found = await _context(call, named, changes) if named else None
        return _into(change, *found) if found else _into(change, "")
    if named is None:
        text = "The securityContext is no resource of this server that can say who may see the Binary. Name one, or the Patient."
        raise Unprocessable(text, expression=_PLACE)
    found = await _context(call, named, changes)
    if found is None:
        raise Forbidden("The securityContext names nothing that you may see.", expression=_PLACE)
    if not found[0]:
        raise Unprocessable("The securityContext is in no dossier. Name one that is, or the Patient.", expression=_PLACE)
    return _into(change, *found)


def _into(change: Change, dossier: str, circle: str = "") -> Change:
    """Put a Binary into a dossier, and into the circle of what it belongs to where it makes none of its own."""
    assert change.indexed is not None
    of = change.circle if change.circle.of or not circle else Circle(circle)
    return replace(change, indexed=replace(change.indexed, dossier=dossier), circle=of)


async def _was_private(call: Call, change: Change) -> bool:
    """Tell whether the version that is followed named no context either."""
    if change.previous is None:
        return False
    grant = call.services.gate.grant(call.actor, "update", change.type)
    stored = await call.services.repository.read(grant, change.type, change.id)
    return stored is not None and bool(stored.body) and not names_context(read(stored.body, OWN).resource)


async def _context(call: Call, named: Reference, changes: Sequence[Change]) -> tuple[str, str] | None:
    """Return the dossier of what is ``named`` ("": in none) and what makes its circle; None: nothing that the caller may see."""
    for change in changes:
        if change.reference == str(named) and change.indexed is not None:
            return change.indexed.dossier, circle_of_context(read(change.body, OWN).resource, call.services.base)
    for grant in call.services.gate.permitted(call.actor, "read", [named.type]):
        stored = await call.services.repository.read(grant, named.type, named.id)
        if stored is not None and stored.visible and not stored.deleted:
            resource = read(stored.body, OWN).resource
            return await _dossier(call, named.type, resource), circle_of_context(resource, call.services.base)
    return None


async def _dossier(call: Call, type_: str, resource: dict[str, Any]) -> str:
    if type_ == "Communication":
        return await dossier_of(call, resource)
    return extract(resource, call.services.catalog.types[type_], call.services.base).dossier
