"""The consents of the one client that a search names, decided once instead of for every resource that is looked at."""

from dataclasses import replace
from typing import Final

from fhir_server.access.consent import decide, newest
from fhir_server.access.consent_match import limits_items
from fhir_server.access.consented import governing, membership
from fhir_server.access.emergency import is_emergency
from fhir_server.interactions.call import Call
from fhir_server.interactions.source_consent import request_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.message_thread import thread_of
from fhir_server.search.tree import And, Consented, Node, ReferenceTo
from fhir_server.storage.repository import Grant

_ABOUT: Final = frozenset({"patient", "subject"})
_THREAD: Final = "CommunicationRequest/"
_PROFESSIONS: Final = frozenset({"practitioner", "related-person"})


async def settled(call: Call, grant: Grant, where: Node) -> Grant:
    """Return a grant that covers what ``grant`` does, with the consents of the client whom ``where`` names decided.

    A conversation names its client too. The grant itself, where ``where`` names no one client, where a client asks (who sees the
    own dossier by right, but not all of it), in an emergency, and where the store has to look at each resource to decide.
    """
    about = _about(where)
    if not about or call.actor.role not in _PROFESSIONS or is_emergency(call.actor):
        return grant
    settlements = call.services.settlements
    made = settlements.get(grant, about)
    if made is None:
        written = settlements.written
        made = await _settled(call, grant, about)
        settlements.keep(grant, about, made, written)
    return made


async def _settled(call: Call, grant: Grant, about: str) -> Grant:
    left = governing(grant.where)
    patient = await _client(call, about) if left else ""
    permit = await _decision(call, patient, left) if left and patient else None
    return grant if permit is None else await _decided(call, grant, patient, permit=permit)


async def _decision(call: Call, patient: str, left: Consented) -> bool | None:
    """Return what the consents of ``patient`` say to everything of the category, None where that differs from item to item."""
    rules = tuple(await call.services.repository.rules(patient))
    if not rules:
        return left.open_without
    if any(map(limits_items, newest(rules))):
        return None
    request = replace(await request_of(call, patient, rules), category=left.category, action=left.action)
    return decide(request, rules).permit


async def _decided(call: Call, grant: Grant, patient: str, *, permit: bool) -> Grant:
    members = membership(grant.where)
    networks = await call.services.repository.networks_of(members, patient) if members else ()
    return call.services.gate.settled(grant, patient, networks, permit=permit)


async def _client(call: Call, about: str) -> str:
    """Return the client ("Patient/id") whom ``about`` names; what lies in other dossiers is not touched by what is decided."""
    if not about.startswith(_THREAD):
        return about
    grant = call.services.gate.locating(_THREAD.rstrip("/"))
    found = await call.services.repository.fetch([grant], [about])
    return next((thread_of(read(each.body, OWN).resource, call.services.base).subject for each in found), "")


def _about(where: Node) -> str:
    """Return the one client, or conversation, that ``where`` names; "" for none."""
    parts = where.parts if isinstance(where, And) else (where,)
    named = [part for part in parts if isinstance(part, ReferenceTo)]
    clients = {each.target for each in named if each.param in _ABOUT and each.target.startswith("Patient/")}
    threads = {each.target for each in named if each.target.startswith(_THREAD)}
    found = clients or threads
    return found.pop() if len(found) == 1 else ""
