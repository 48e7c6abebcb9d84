"""What the store knows of threads, teams and marks, with the changes of one commit that is still to be made on top of it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.interactions.call import Call
from fhir_server.interactions.each_stored import each_stored
from fhir_server.model.json import own
from fhir_server.network.audience import TEAM
from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import RETRACTED, literal
from fhir_server.network.question import QUESTION
from fhir_server.network.reader_task import is_reader_task
from fhir_server.network.thread_tasks import UNREAD
from fhir_server.search.tree import And, Node, Not, Or, Query, ReferenceTo, Sort, Token, TokenIn
from fhir_server.storage.repository import Change, Stored

Resource = dict[str, Any]
_PAGE: Final = 500
_DEEPEST: Final = 8  # teams in teams
_OPEN: Final = ("draft", "active", "on-hold")


class Known(NamedTuple):
    """A resource as it is stored now, and what it says."""

    stored: Stored
    resource: Resource


class ThreadStore:
    """Reads for one commit with the ``changes``; the hub's own view, of which nothing goes into an answer."""

    def __init__(self, call: Call, changes: Sequence[Change]) -> None:
        self._call = call
        self._changed = {each.reference: each for each in changes}

    async def before(self, reference: str) -> Resource | None:
        """Return the resource as it is stored now, None when it is not there."""
        found = await self._fetch([reference])
        return found[0].resource if found else None

    async def after(self, references: Iterable[str]) -> dict[str, Resource]:
        """Return the resources as they will be, by their references; what is not there is left out."""
        wanted = list(dict.fromkeys(references))
        made = {each: self._made(self._changed[each]) for each in wanted if each in self._changed}
        found = {
            _reference(each.stored): each.resource for each in await self._fetch([each for each in wanted if each not in made])
        }
        return found | {each: resource for each, resource in made.items() if resource is not None}

    async def teams(self, references: Iterable[str]) -> dict[str, Resource]:
        """Return the CareTeams among ``references`` as they will be, and all teams that are in these."""
        found: dict[str, Resource] = {}
        wanted = [each for each in references if each.startswith(f"{TEAM}/")]
        for _ in range(_DEEPEST):
            found |= await self.after(wanted)
            wanted = [each for one in found.values() for each in self._teams_in(one) if each not in found]
            if not wanted:
                break
        return found

    async def inner(self, teams: Iterable[Resource]) -> dict[str, Resource]:
        """Return the CareTeams that are in ``teams``, as they will be."""
        return await self.teams([each for one in teams for each in self._teams_in(one)])

    async def teams_with(self, team: str) -> tuple[str, ...]:
        """Return ``team`` ("CareTeam/id") and the teams that it is in, directly or through others."""
        found: dict[str, None] = {team: None}
        wanted = [team]
        for _ in range(_DEEPEST):
            outer = await self._search(TEAM, _either("participant", wanted))
            wanted = [each for each in map(_reference, (one.stored for one in outer)) if each not in found]
            found |= dict.fromkeys(wanted)
            if not wanted:
                break
        return tuple(found)

    async def threads_to(self, teams: Sequence[str]) -> list[str]:
        """Return the open threads ("CommunicationRequest/id") that one of ``teams`` receives."""
        found = await self._search("CommunicationRequest", And((_either("recipient", teams), TokenIn("status", _OPEN))))
        return [_reference(each.stored) for each in found]

    async def reader_tasks(self, thread: str) -> list[Known]:
        """Return the Tasks, as they are stored, that mark ``thread`` as read or unread."""
        return [each for each in await self._search("Task", ReferenceTo("based-on", thread)) if is_reader_task(each.resource)]

    async def unread(self, owners: Sequence[str]) -> list[Resource]:
        """Return the Tasks of ``owners`` that mark threads as unread."""
        if not owners:
            return []
        found = await self._search("Task", And((_either("owner", owners), Token("status", UNREAD))))
        return [each.resource for each in found if is_reader_task(each.resource)]

    async def question_tasks(self, question: str) -> list[Known]:
        """Return the Tasks, as they are stored, that are about ``question`` and mark nothing as read."""
        return [each for each in await self._search("Task", ReferenceTo("based-on", question)) if not is_reader_task(each.resource)]

    async def open_questions(self, patient: str) -> list[Known]:
        """Return the threads about ``patient`` that are not closed and began as a question."""
        where = And((ReferenceTo("subject", patient), Token("category", QUESTION[1], QUESTION[0]), TokenIn("status", _OPEN)))
        return await self._search("CommunicationRequest", where)

    async def newest(self, thread: str, but: str = "") -> Resource | None:
        """Return the newest message of ``thread`` that is stored and not taken back, ``but`` one; None for none."""
        where = And((ReferenceTo("part-of", thread), Not(Token("status", RETRACTED))))
        query = Query("Communication", where, Sort("_lastUpdated"), count=2)
        grant = self._call.services.gate.locating("Communication")
        page = await self._call.services.repository.search(grant, query)
        return next((own(each.body) for each in page.resources if _reference(each) != but), None)

    @property
    def _base(self) -> str:
        return self._call.services.base

    def _teams_in(self, team: Resource) -> list[str]:
        members = (literal(mapped(each, "member"), self._base) for each in listed(team, "participant"))
        return [each for each in members if each.startswith(f"{TEAM}/")]

    def _made(self, change: Change) -> Resource | None:
        return own(change.body) if change.body else None

    async def _fetch(self, references: Sequence[str]) -> list[Known]:
        if not references:
            return []
        services = self._call.services
        grants = [services.gate.locating(each) for each in dict.fromkeys(each.partition("/")[0] for each in references)]
        return [_known(each) for each in await services.repository.fetch(grants, references)]

    async def _search(self, type_: str, where: Node) -> list[Known]:
        return [_known(each) async for each in each_stored(self._call.services, type_, where, _PAGE)]


def _either(parameter: str, references: Sequence[str]) -> Node:
    parts = tuple(ReferenceTo(parameter, each) for each in references)
    return parts[0] if len(parts) == 1 else Or(parts)


def _known(stored: Stored) -> Known:
    return Known(stored, own(stored.body))


def _reference(stored: Stored) -> str:
    return f"{stored.type}/{stored.id}"
