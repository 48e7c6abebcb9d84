"""The network of one client, as the store knows it: who is or was in which of its teams, each as they stand now."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from fhir_server.access.actor import Actor, Role
from fhir_server.access.scope import parse_scopes
from fhir_server.access.sight import Member
from fhir_server.errors import BadRequest, Unauthorized
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.reference import parse
from fhir_server.network.careteam import memberships
from fhir_server.search.tree import Query, ReferenceTo
from fhir_server.storage.consent_rule import function_of
from fhir_server.storage.repository import TEAMS, Membership, Stored

_MOST_TEAMS = 50
_ROLES: dict[str, Role] = {
    "Patient": "patient",
    "RelatedPerson": "related-person",
    "Practitioner": "practitioner",
    "PractitionerRole": "practitioner",
}
_SCOPES = parse_scopes("user/*.cruds")


async def network_of(call: Call, patient: str) -> tuple[Member, ...]:
    """Return the members of the network of ``patient`` ("Patient/id"), the client first.

    A department that takes part is there with each of its own members; an Organization is nobody.
    """
    places = [place for team in await _teams(call, patient) for place in _places(call, team)]
    places += await _of_departments(call, places)
    people = dict.fromkeys([patient, *(each.member for each in places if each.member.partition("/")[0] in _ROLES)])
    members: dict[tuple[str, ...], Member] = {}
    for person in people:
        member = await _member(call, person, places)
        members.setdefault(member.actor.people, member)  # one person may be there under several references
    return tuple(members.values())


async def somebody(call: Call, who: str) -> Member:
    """Return a person ("Type/id") who is not in the network, as they stand now; raises BadRequest for who can be no person."""
    if parse(who) is None or who.partition("/")[0] not in _ROLES:
        raise BadRequest("Say who it is about: 'who' is the reference of a person, Type/id.", detail="search-value")
    return await _member(call, who, ())


async def _member(call: Call, person: str, places: Sequence[Membership]) -> Member:
    actor = Actor(person, _ROLES[person.partition("/")[0]], _SCOPES, people=(person,))
    try:
        actor = await call.services.standings.of(actor, call.now)
    except Unauthorized:
        return Member(actor, left=True)
    mine = [each for each in places if each.member in actor.people and each.through not in actor.left]
    lasting = [each for each in mine if each.start <= call.now < each.end]
    now = _named(lasting)
    functions = dict.fromkeys(function for each in lasting if (function := function_of(each.dossier)))
    return Member(actor, now, tuple(each for each in _named(mine) if each not in now), tuple(functions))


def _places(call: Call, team: dict[str, Any]) -> list[Membership]:
    """Return the memberships that ``team`` gives, each with the team itself as what it is a membership of, and the functions."""
    own = f"CareTeam/{team['id']}"
    found = [each for each in memberships(team, call.services.base) if each.dossier != TEAMS]
    return [each if function_of(each.dossier) else replace(each, dossier=own) for each in found]


def _named(places: Iterable[Membership]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.dossier for each in places if not function_of(each.dossier)))


async def _teams(call: Call, patient: str) -> list[dict[str, Any]]:
    grant = call.services.gate.locating("CareTeam")
    found = await call.services.repository.search(grant, Query("CareTeam", ReferenceTo("subject", patient), count=_MOST_TEAMS))
    return [_resource(each) for each in found.resources]


async def _of_departments(call: Call, places: Sequence[Membership]) -> list[Membership]:
    """Return the places of those who are members of teams that are members themselves, as long as both last."""
    outer = [each for each in places if each.member.startswith("CareTeam/")]
    if not outer:
        return []
    grant = call.services.gate.locating("CareTeam")
    found = await call.services.repository.fetch([grant], [each.member for each in outer])
    inner = {f"CareTeam/{each.id}": _places(call, _resource(each)) for each in found}
    return [
        replace(one, dossier=each.dossier, start=max(one.start, each.start), end=min(one.end, each.end))
        for each in outer
        for one in inner.get(each.member, ())
    ]


def _resource(stored: Stored) -> dict[str, Any]:
    return read(stored.body, OWN).resource
