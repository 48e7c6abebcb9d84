"""What time does in networks without anybody writing: invitations expire, places in a team begin and end."""

from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from fhir_server.access.invited import CODES, INVITATION, WAITING
from fhir_server.interactions import consequences
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.each_stored import each_stored
from fhir_server.interactions.hub_call import hub_call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.leaving import without_work
from fhir_server.interactions.question_consequences import QuestionConsequences
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.interactions.thread_consequences import ThreadConsequences
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.careteam import dossier_of
from fhir_server.network.invitation import EXPIRED, invitation_of, is_expired, over
from fhir_server.network.participation import gone
from fhir_server.search.tree import And, Date, MemberOf, Node, Or, Token
from fhir_server.storage.repository import Change, Repository, Stored, VersionConflict

_INTERACTION: Final = "$network-round"
_OVERLAP: Final = 300_000_000  # microseconds: clocks of several processes differ
_LOOK_BACK: Final = 31 * 86_400_000_000


async def expired(services: Services, now: int) -> None:
    """Let every invitation be over whose time was up before the moment ``now`` (microseconds)."""
    late = Date("due", "eb", now, now)
    async for stored in each_stored(services, "Task", And((Token("code", INVITATION, CODES), Token("status", WAITING), late))):
        task = read(stored.body, OWN).resource
        if is_expired(task, now):
            call = hub_call(services, _INTERACTION, "Task", stored.id, now)
            change = hub_change(services, over(task, EXPIRED, now), stored, now)
            await _commit(call, [change], invitation_of(task, services.base).client)


class Periods:
    """The duty to bring the Tasks of threads up to date where somebody's place in a team began or ended."""

    def __init__(self) -> None:
        """Begin with what was before this process: a month of it is looked at once."""
        self._until: WeakKeyDictionary[Repository, int] = WeakKeyDictionary()

    async def __call__(self, services: Services, now: int) -> None:
        """Look at every team in which a period began or ended since the last time, at the moment ``now`` (microseconds)."""
        known = self._until.get(services.repository)
        since = known - _OVERLAP if known else now - _LOOK_BACK
        moved = Or((_within("participant-start", since, now), _within("participant-end", since, now)))
        async for stored in each_stored(services, "CareTeam", And((Token("status", "active"), moved))):
            await _follow(services, stored, since, now)
        self._until[services.repository] = now


async def _follow(services: Services, stored: Stored, since: int, now: int) -> None:
    call = hub_call(services, _INTERACTION, "CareTeam", stored.id, now)
    team = read(stored.body, OWN).resource
    reference, dossier = f"CareTeam/{stored.id}", dossier_of(team, services.base)
    questions = await QuestionConsequences(call, ()).of_team(reference, dossier)
    changes = [*questions, *await ThreadConsequences(call, questions).of_time(reference, since)]
    changes += await _left(call, team, dossier, since) if dossier.startswith("Patient/") else []
    if changes:
        await _commit(call, changes, dossier)


async def _left(call: Call, team: Mapping[str, Any], client: str, since: int) -> list[Change]:
    """Return what becomes of the Tasks of those who are not in the network of ``client`` any more: who stood in gives them back."""
    services = call.services
    heirs: dict[str, str] = {}
    for person, away in gone(team, since, call.now, services.base).items():
        if not await services.repository.is_member(MemberOf((person,), call.now), client):
            there = away and await services.repository.is_member(MemberOf((away,), call.now), client)
            heirs[person] = away if there else ""
    return await without_work(call, client, heirs)


async def _commit(call: Call, changes: list[Change], dossier: str) -> None:
    """Make ``changes``, unless somebody else was first: then the next round finds what is left."""
    try:
        await consequences.commit(call, [], changes, [line(call, Answer(200, dossier=dossier))])
    except VersionConflict:
        return


def _within(parameter: str, since: int, now: int) -> Node:
    """Return that a date of ``parameter`` ends after ``since``, and begins by ``now``."""
    return And((Date(parameter, "gt", since, since), Date(parameter, "le", now, now + 1)))
