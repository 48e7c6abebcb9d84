"""In which dossier a Binary is stored, before it is: looked up under the caller's grants."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.access.private import private
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.reference import Reference
from fhir_server.network.binary import context, names_context
from fhir_server.search.extract import extract
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
        return _into(change, await _dossier(call, named, changes) or "" if named else "")
    if named is None:
        text = "The securityContext is no resource of this server that can say who may see the Binary. Name one, or the Patient."
        raise Unprocessable(text, expression=_PLACE)
    dossier = await _dossier(call, named, changes)
    if dossier is None:
        raise Forbidden("The securityContext names nothing that you may see.", expression=_PLACE)
    if not dossier:
        raise Unprocessable("The securityContext is in no dossier. Name one that is, or the Patient.", expression=_PLACE)
    return _into(change, dossier)


def _into(change: Change, dossier: str) -> Change:
    assert change.indexed is not None
    return replace(change, indexed=replace(change.indexed, dossier=dossier))


async def _was_private(call: Call, change: Change) -> bool:
    """Tell whether the version that is followed named no context either."""
    if change.previous is None:
        return False
    grant = call.services.gate.grant(call.actor, "update", change.type)
    stored = await call.services.repository.read(grant, change.type, change.id)
    return stored is not None and bool(stored.body) and not names_context(read(stored.body, OWN).resource)


async def _dossier(call: Call, named: Reference, changes: Sequence[Change]) -> str | None:
    """Return the dossier of what is ``named``, "" when it is in none, None when there is nothing that the caller may see."""
    for change in changes:
        if change.reference == str(named) and change.indexed is not None:
            return change.indexed.dossier
    for grant in call.services.gate.permitted(call.actor, "read", [named.type]):
        stored = await call.services.repository.read(grant, named.type, named.id)
        if stored is not None and stored.visible and not stored.deleted:
            entry = call.services.catalog.types[named.type]
            return extract(read(stored.body, OWN).resource, entry, call.services.base).dossier
    return None
