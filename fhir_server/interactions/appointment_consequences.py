"""What follows from a change of an appointment: the Tasks of those who are to answer it (``network/appointment_tasks``)."""

from collections.abc import Sequence
from typing import Any

from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network import appointment_tasks
from fhir_server.network.appointment import client_of, people_in
from fhir_server.network.json_parts import text
from fhir_server.search.tree import MemberOf
from fhir_server.storage.repository import Change, Stored

TYPE = "Appointment"
Resource = dict[str, Any]


async def of_changes(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of Tasks that follow from those of appointments."""
    found = [each for each in changes if each.type == TYPE]
    return [made for each in found for made in await _tasks(call, each)]


async def _tasks(call: Call, change: Change) -> list[Change]:
    services, base = call.services, call.services.base
    _, before = (await _fetched(call, TYPE, [change.id])).get(change.id, (None, {})) if change.expected else (None, {})
    appointment = read(change.body, OWN).resource if change.body else {**before, "status": "entered-in-error"}
    client = client_of(appointment, base)
    if not client:  # what the platform stores without a client is nobody's appointment in a network
        return []
    everybody = dict.fromkeys((*people_in(appointment, base), *people_in(before, base)))
    ids = {appointment_tasks.id_of(change.reference, who): who for who in everybody}
    tasks = {ids[id_]: known for id_, known in (await _fetched(call, "Task", list(ids))).items()}
    known = {who: text(each, "status") for who, (_, each) in tasks.items() if each}  # without what the platform deleted
    made = []
    for who, status in appointment_tasks.wanted(appointment, known, base).items():
        stored, task = tasks.get(who, (None, None))
        if known.get(who) == status or (not task and not await _takes_part(call, who, client)):
            continue
        resource = appointment_tasks.task(appointment, who, status, call.now, task or None, base)
        made.append(hub_change(services, resource, stored, call.now))
    return made


async def _takes_part(call: Call, person: str, client: str) -> bool:
    return person == client or await call.services.repository.is_member(MemberOf((person,), call.now), client)


async def _fetched(call: Call, type_: str, ids: Sequence[str]) -> dict[str, tuple[Stored, Resource]]:
    """Return what is stored under ``ids``, and what it says; nothing for what was deleted."""
    grant = call.services.gate.locating(type_)
    stored = [await call.services.repository.read(grant, type_, each) for each in ids]
    return {each.id: (each, read(each.body, OWN).resource if each.body else {}) for each in stored if each is not None}
