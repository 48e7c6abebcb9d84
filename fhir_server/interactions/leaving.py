"""What follows when somebody's place in a client's network ends, by an operation, by time, or by a plain write of the CareTeam.

Who stood in for them does so no longer, and what they were still to do is over, or goes back to whom they stood in for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.interactions.call import Call
from fhir_server.interactions.ended import NETWORK_OVER
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.open_tasks import invitations_to, open_tasks, passed_on, sent_invitations
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.model.json import Document, write
from fhir_server.network.audience import people
from fhir_server.network.careteam import dossier_of
from fhir_server.network.invitation import WITHDRAWN, over
from fhir_server.network.json_parts import text
from fhir_server.network.participation import in_whose_place, without_stand_ins
from fhir_server.search.tree import And, Dossier, Query, Token
from fhir_server.storage.repository import Change

_TEAM = "CareTeam"
_CLIENT = "Patient/"
_MOST = 100  # networks of one client
_SETTLED = frozenset({"active", "inactive", "entered-in-error"})
"""The states of a network that leave no doubt about who takes part; nobody does in one that is over."""
Resource = dict[str, Any]


def with_stand_ins_ended(call: Call, document: Document, before: Mapping[str, Any] | None) -> Document:
    """Return a CareTeam, to follow ``before``, without those who stood in for somebody who leaves."""
    base = call.services.base
    if call.type != _TEAM or before is None or not dossier_of(document.resource, base).startswith(_CLIENT):
        return document
    after = without_stand_ins(document.resource, before, call.now, base)
    return document if after is None else Document(after, {**document.members, "participant": write(after["participant"]).decode()})


async def of_changes(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of what those are still to do who leave the network of a client by ``changes``."""
    store = ThreadStore(call, changes)
    teams = [each for each in changes if each.type == _TEAM and each.indexed is not None and each.expected]
    found = {made.reference: made for each in teams for made in await _of_team(call, store, each)}
    return [made for reference, made in found.items() if reference not in {each.reference for each in changes}]


async def _of_team(call: Call, store: ThreadStore, change: Change) -> list[Change]:
    base, now = call.services.base, call.now
    after, before = (await store.after([change.reference]))[change.reference], await store.before(change.reference)
    client = dossier_of(after, base)
    if before is None or not client.startswith(_CLIENT) or text(after, "status") not in _SETTLED:
        return []
    teams = await store.teams([change.reference])
    withdrawn = await _to_nothing(call, change.reference) if text(after, "status") in NETWORK_OVER else []
    teams_before = {**teams, **await store.inner([before]), change.reference: before}
    was, is_ = (people([change.reference], each, now, base) for each in (teams_before, teams))
    left = [each for each in was if each not in is_ and each != client]
    if not left:
        return withdrawn
    there = {*is_, *await _elsewhere(call, store, client, change.reference)}
    away = {each: in_whose_place(before, each, now, base) for each in left if each not in there}
    work = await without_work(call, client, {each: heir if heir in there else "" for each, heir in away.items()})
    return [*withdrawn, *work]


async def _to_nothing(call: Call, team: str) -> list[Change]:
    """Return the changes that withdraw the invitations to a network that is over."""
    return [
        hub_change(call.services, over(each.resource, WITHDRAWN, call.now), each.stored, call.now)
        for each in await invitations_to(call, team)
    ]


async def without_work(call: Call, client: str, heirs: Mapping[str, str]) -> list[Change]:
    """Return the changes of what people are still to do for ``client``: it is that of their heirs now, or ("") of nobody.

    The invitations that they sent to the networks of ``client`` are withdrawn.
    """
    made: list[Change] = []
    for person, heir in heirs.items():
        tasks = await open_tasks(call, client, [person])
        made += [hub_change(call.services, passed_on(each.resource, heir, call.now), each.stored, call.now) for each in tasks]
    sent = await sent_invitations(call, client, list(heirs)) if heirs else []
    return [*made, *(hub_change(call.services, over(each.resource, WITHDRAWN, call.now), each.stored, call.now) for each in sent)]


async def _elsewhere(call: Call, store: ThreadStore, client: str, team: str) -> tuple[str, ...]:
    """Return who takes part in another network of the client."""
    grant = call.services.gate.locating(_TEAM)
    query = Query(_TEAM, And((Dossier((client,)), Token("status", "active"))), count=_MOST)
    page = await call.services.repository.search(grant, query)
    others = [f"{_TEAM}/{each.id}" for each in page.resources if f"{_TEAM}/{each.id}" != team]
    return people(others, await store.teams(others), call.now, call.services.base) if others else ()
