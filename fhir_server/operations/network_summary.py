"""``Patient/{id}/$network-summary``: one request for a viewer of a client's network, in which each reader sees their own part."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.consent import decide
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import existing
from fhir_server.interactions.source_consent import request_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network import network_summary as summary
from fhir_server.network.display_name import name_of
from fhir_server.network.reader_task import owner_of
from fhir_server.network.thread_tasks import UNREAD
from fhir_server.search.tree import And, Date, Node, Not, Query, ReferenceTo, Sort, Token, TokenIn

Resource = dict[str, Any]
_TEAMS, _TASKS, _APPOINTMENTS = 20, 1_000, 20
_OFF: Final = ("cancelled", "entered-in-error", "noshow")
_MESSAGE: Final = "message"


async def network_summary(call: Call) -> Answer:
    """Answer Parameters: teams, what is unread and open, appointments to come, and what the client's choices open to the reader.

    Raises what a read of the Patient does; types that the token does not cover are left out.
    """
    services, patient = call.services, f"Patient/{call.id}"
    grant = services.gate.grant(call.actor, "read", "Patient")
    existing(call, await services.repository.read(grant, "Patient", call.id))
    teams = await _found(call, "CareTeam", And((ReferenceTo("subject", patient), Token("status", "active"))), _TEAMS)
    tasks = await _found(call, "Task", And((ReferenceTo("patient", patient), Token("status", UNREAD))), _TASKS)
    coming = await _found(call, "Appointment", _coming(patient, call.now), _APPOINTMENTS, Sort(descending=False))
    base = services.base
    people = [*summary.members(teams, call.now, base), *(owner_of(each, base) for each in tasks)]
    names = await _names(call, people)

    def named(reference: str) -> dict[str, str]:
        return {"reference": reference, **({"display": names[reference]} if names.get(reference) else {})}

    parts = [
        *(summary.team(each, call.now, named, base) for each in teams),
        *summary.unread(tasks, named, base),
        *summary.questions(tasks),
        *summary.others(tasks, named, base),
        *summary.appointments(coming),
        await _consent(call, patient),
    ]
    return Answer(200, write({"resourceType": "Parameters", "parameter": parts}), dossier=patient, keep=False)


def _coming(patient: str, at: int) -> Node:
    return And((ReferenceTo("patient", patient), Date("date", "ge", at, at + 1, main=True), Not(TokenIn("status", _OFF))))


async def _found(call: Call, type_: str, where: Node, most: int, sort: Sort = Sort()) -> list[Resource]:  # noqa: B008 - immutable
    """Return the resources of a type that the caller may search and see, ``most`` of them."""
    services, found = call.services, list[Resource]()
    for grant in services.gate.permitted(call.actor, "search-type", [type_]):
        page = await services.repository.search(grant, Query(type_, where, sort, count=most))
        call.touched.find(page.resources)
        found += [read(each.body, OWN).resource for each in page.resources]
    return found


async def _names(call: Call, references: Iterable[str]) -> dict[str, str]:
    """Return what those are called of whom the caller may know it."""
    wanted = list(dict.fromkeys(filter(None, references)))
    grants = call.services.gate.permitted(call.actor, "read", dict.fromkeys(each.partition("/")[0] for each in wanted))
    known = {grant.type for grant in grants}
    found = await call.services.repository.fetch(grants, [each for each in wanted if each.partition("/")[0] in known])
    return {f"{each.type}/{each.id}": name_of(read(each.body, OWN).resource) for each in found}


async def _consent(call: Call, patient: str) -> Resource:
    rules = tuple(await call.services.repository.rules(patient))
    categories = dict.fromkeys(
        each.category_coding for each in call.services.catalog.types.values() if each.category and each.home != "federated"
    )
    messages = {each.category_coding for each in call.services.catalog.types.values() if each.category == _MESSAGE}
    if call.actor.role == "system":
        return summary.consent(dict.fromkeys(categories, True), chosen=bool(rules))
    asked = await request_of(call, patient, rules)
    open_: dict[str, bool] = {}
    for category in categories:
        decided = decide(replace(asked, category=category), rules).permit
        open_[category] = decided or (not rules and category in messages)
    return summary.consent(open_, chosen=bool(rules))
