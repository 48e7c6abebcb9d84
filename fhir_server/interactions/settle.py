"""The consents of the one client that a search names, decided once instead of for every resource that is looked at."""

from dataclasses import replace
from typing import Final

from fhir_server.access.consent import decide, newest
from fhir_server.access.consent_match import limits_items
from fhir_server.access.consented import governing
from fhir_server.access.emergency import is_emergency
from fhir_server.interactions.call import Call
from fhir_server.interactions.source_consent import request_of
from fhir_server.search.tree import And, Consented, Node, ReferenceTo
from fhir_server.storage.repository import Grant

_ABOUT: Final = frozenset({"patient", "subject"})
_PROFESSIONS: Final = frozenset({"practitioner", "related-person"})


async def settled(call: Call, grant: Grant, where: Node) -> Grant:
    """Return a grant that covers what ``grant`` does, with the consents of the client whom ``where`` names decided.

    The grant itself, where ``where`` names no one client, where a client asks (who sees the own dossier by right, but not all of
    it), in an emergency, and where the store has to look at each resource to decide.
    """
    patient, left = _client(where), governing(grant.where)
    if not patient or left is None or call.actor.role not in _PROFESSIONS or is_emergency(call.actor):
        return grant
    settlements = call.services.settlements
    made = settlements.get(grant, patient)
    if made is None:
        written = settlements.written
        permit = await _decision(call, patient, left)
        made = grant if permit is None else call.services.gate.settled(grant, patient, permit=permit)
        settlements.keep(grant, patient, made, written)
    return made


async def _decision(call: Call, patient: str, left: Consented) -> bool | None:
    """Return what the consents of ``patient`` say to everything of the category, None where that differs from item to item."""
    rules = tuple(await call.services.repository.rules(patient))
    if not rules:
        return left.open_without
    if any(map(limits_items, newest(rules))):
        return None
    request = replace(await request_of(call, patient, rules), category=left.category, action=left.action)
    return decide(request, rules).permit


def _client(where: Node) -> str:
    parts = where.parts if isinstance(where, And) else (where,)
    named = {part.target for part in parts if isinstance(part, ReferenceTo) and part.param in _ABOUT}
    return next((each for each in named if each.startswith("Patient/")), "") if len(named) == 1 else ""
