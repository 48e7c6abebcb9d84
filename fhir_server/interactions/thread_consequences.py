"""What follows in threads from the changes of one commit: the Tasks that mark them as read or unread, person by person.

The rules are those of ``network/thread_tasks``; here they get what they need to know from the store.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.thread_store import Known, ThreadStore
from fhir_server.network import thread_tasks
from fhir_server.network.audience import PEOPLE, Teams, as_of, is_of_organisation, people
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.message_thread import RETRACTED, MessageThread, literal, thread_of, threads_of
from fhir_server.network.reader_task import mark_of, owner_of, reader_task, thread_of_task
from fhir_server.network.receipt import receipt_of
from fhir_server.network.thread_tasks import Mark
from fhir_server.search.parts import Parts
from fhir_server.search.tree import MemberOf
from fhir_server.storage.repository import Change

Resource = dict[str, Any]
ORDER: Final = {"CareTeam": 0, "CommunicationRequest": 1, "Communication": 2, "AuditEvent": 3}
"""The types whose changes mean something in threads, in the order in which they do."""


@dataclass(slots=True)
class _Marked:
    """A thread, the Tasks that are stored for it, and the marks of everybody as they will be."""

    thread: MessageThread
    teams: Teams
    tasks: Mapping[str, Known] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)


class ThreadConsequences:
    """Goes over the changes of one commit."""

    def __init__(self, call: Call, changes: Sequence[Change]) -> None:
        self._call = call
        self._base = call.services.base
        self._changes = changes
        self._store = ThreadStore(call, changes)
        self._marked: dict[str, _Marked] = {}
        self._gone: set[tuple[str, str]] = set()
        self._come: set[tuple[str, str]] = set()

    async def of_changes(self) -> list[Change]:
        """Return the changes of Tasks that follow; raises Unprocessable for a reply in a closed thread."""
        for change in sorted(self._changes, key=lambda each: ORDER.get(each.type, -1)):
            if change.type in ORDER and change.indexed is not None:
                await self._follow(change)
        return [made for each in self._marked.values() for made in self._tasks(each)]

    async def _follow(self, change: Change) -> None:
        resource = (await self._store.after([change.reference]))[change.reference]
        before = await self._store.before(change.reference) if change.expected else None
        if change.type == "CareTeam":
            await self._team(resource, before)
        elif change.type == "CommunicationRequest":
            await self._thread(resource, before)
        elif change.type == "Communication":
            await self._message(resource, before)
        elif before is None:
            await self._receipt(resource)

    async def _team(self, resource: Resource, before: Resource | None) -> None:
        team = f"CareTeam/{resource['id']}"
        teams = await self._store.teams([team])
        teams_before = {**teams, **(await self._store.inner([before]) if before else {}), team: before or {}}
        await self._moved(team, teams_before, teams)

    async def of_time(self, team: str, since: int) -> list[Change]:
        """Return the changes of Tasks that follow where periods in ``team`` ("CareTeam/id") began or ended after ``since``.

        Nobody writes when they do. What was made already is not made again.
        """
        teams = await self._store.teams([team])
        if team in teams:
            await self._moved(team, {name: as_of(each, since, self._base) for name, each in teams.items()}, teams)
        return [made for each in self._marked.values() for made in self._tasks(each)]

    async def _moved(self, team: str, teams_before: Teams, teams: Teams) -> None:
        was, is_ = (people([team], each, self._call.now, self._base) for each in (teams_before, teams))
        if set(was) == set(is_):
            return
        left = [each for each in was if each not in is_]
        patient = literal(mapped(teams[team], "subject"), self._base)
        self._gone |= {(each, patient) for each in left}
        self._come |= {(each, patient) for each in is_ if each not in was}
        reached = await self._store.threads_to(await self._store.teams_with(team))
        waiting = [thread_of_task(each, self._base) for each in await self._store.unread(left)]
        for reference in dict.fromkeys([*reached, *waiting]):
            marked = await self._load(reference)
            if marked is not None and not marked.thread.closed:
                await self._reach(marked, {**marked.teams, **teams_before})

    async def _reach(self, marked: _Marked, teams_before: Teams) -> None:
        """Bring the marks up to date with the teams as they are after ``teams_before``."""
        thread = marked.thread
        before = await self._audience(thread, teams_before, _everybody(thread), left=True)
        everybody = await self._audience(thread, marked.teams, _everybody(thread))
        addressed = await self._audience(thread, marked.teams, thread.recipients)
        after = [each for each in everybody if each in before or each in addressed]
        marked.marks = thread_tasks.reached(marked.marks, before, after, await self._newest(thread.reference))

    async def _thread(self, resource: Resource, before: Resource | None) -> None:
        marked = await self._load(f"CommunicationRequest/{resource['id']}", new=before is None)
        if marked is None:
            return
        thread = marked.thread
        if before is None:
            reached = await self._audience(thread, marked.teams, thread.recipients)
            own = [each for each in self._same(thread.requester) if self._counts(each)]
            marked.marks = thread_tasks.begun(reached, own, by_team=bool(thread.sender_team))
        elif (was := thread_of(before, self._base)).recipients != thread.recipients:
            teams = {**marked.teams, **await self._store.teams(was.recipients)}
            left, come = [await self._audience(each, teams, each.recipients) for each in (was, thread)]
            marked.marks = thread_tasks.reached(marked.marks, left, come, await self._newest(thread.reference))
        if thread.closed:
            marked.marks = thread_tasks.ended(marked.marks)

    async def _message(self, resource: Resource, before: Resource | None) -> None:
        message = f"Communication/{resource['id']}"
        taken_back = text(resource, "status") == RETRACTED
        for reference in threads_of(resource, self._base):
            marked = await self._load(reference)
            if marked is None:
                continue
            thread = marked.thread
            if before is None and not taken_back:
                if thread.closed:
                    raise _closed()
                audience = await self._audience(thread, marked.teams, _everybody(thread))
                side = self._side(marked, self._same(literal(resource.get("sender", {}), self._base)))
                marked.marks = thread_tasks.posted(marked.marks, audience, side, message)
            elif before is not None and taken_back and text(before, "status") != RETRACTED:
                newest = await self._store.newest(reference, message)
                sender = literal(newest.get("sender", {}), self._base) if newest else thread.requester
                left = f"Communication/{newest['id']}" if newest else ""
                marked.marks = thread_tasks.retracted(marked.marks, message, left, self._side(marked, self._same(sender)))

    async def _receipt(self, event: Resource) -> None:
        receipt = receipt_of(event, self._base)
        if receipt is None:
            return
        messages = (await self._store.after(receipt.messages)).values()
        threads = [*receipt.threads, *(each for one in messages for each in threads_of(one, self._base))]
        readers = {each for reader in receipt.readers for each in self._same(reader)}
        for reference in dict.fromkeys(threads):
            marked = await self._load(reference)
            if marked is not None:
                marked.marks = thread_tasks.read(marked.marks, self._side(marked, readers))

    async def _load(self, reference: str, *, new: bool = False) -> _Marked | None:
        """Return the thread with its marks as they are so far, None when there is no such thread."""
        if reference not in self._marked:
            found = (await self._store.after([reference])).get(reference)
            if found is None:
                return None
            thread = thread_of(found, self._base)
            teams = await self._store.teams([*thread.recipients, thread.sender_team])
            known = [] if new else await self._store.reader_tasks(reference)
            tasks = {owner_of(each.resource, self._base): each for each in reversed(known)}
            marks = {owner: mark_of(each.resource, self._base) for owner, each in tasks.items()}
            self._marked[reference] = _Marked(thread, teams, tasks, marks)
        return self._marked[reference]

    async def _audience(self, thread: MessageThread, teams: Teams, references: Iterable[str], *, left: bool = False) -> list[str]:
        """Return the people that ``references`` come to: in teams, or by name as long as they are in the network of the client.

        ``left``: those too who leave it with this commit, and not those who come.
        """
        now, named = self._call.now, [each for each in references if each]
        through = people([each for each in named if each in teams], teams, now, self._base)
        single = [each for each in named if each.partition("/")[0] in PEOPLE and each not in through]
        away = self._come if left else self._gone
        here = [each for each in single if (each, thread.subject) not in away]
        gone = {each for each in here if (each, thread.subject) in self._gone}  # only where those too are asked for
        there = gone | await self._members([each for each in here if each not in gone], thread.subject)
        staying = [each for each in here if each in there]
        return [each for each in dict.fromkeys((*through, *staying)) if self._counts(each)]

    async def _members(self, people_: Sequence[str], patient: str) -> set[str]:
        """Return those of ``people_`` who are in the network of ``patient``, the client among them; all for "", no client."""
        known = {each for each in people_ if patient in {"", each} or (each, patient) in self._come}
        asked = tuple(each for each in people_ if each not in known)
        if not asked:
            return known
        return known.union(await self._call.services.repository.members_among(MemberOf(asked, self._call.now), patient))

    def _counts(self, person: str) -> bool:
        """Tell whether somebody gets Tasks: OZO itself knows none for clients."""
        return bool(person) and (self._call.services.ozo.client_tasks or not person.startswith("Patient/"))

    def _side(self, marked: _Marked, person: Collection[str]) -> set[str]:
        """Return for whom it counts when ``person`` reads or writes: colleagues in a department stand in for each other.

        Who is in the team that began the thread writes for that one, also when the same person is in the team addressed.
        """
        thread, now = marked.thread, self._call.now
        addressed = [each for each in (thread.sender_team, *thread.recipients) if each in marked.teams]
        teams = [each for each in addressed if is_of_organisation(marked.teams[each], self._base)]
        own = [each for each in teams if set(people([each], marked.teams, now, self._base)) & set(person)]
        first = own[:1] if own[:1] == [thread.sender_team] else own
        return {*person, *people(first, marked.teams, now, self._base)}

    def _same(self, person: str) -> tuple[str, ...]:
        """Return all references of the person: those of the caller, where the caller it is."""
        known = self._call.actor.people
        return tuple(dict.fromkeys((person, *known))) if person in known else (person,)

    async def _newest(self, thread: str) -> str:
        found = await self._store.newest(thread)
        return f"Communication/{found['id']}" if found else ""

    def _tasks(self, marked: _Marked) -> Iterable[Change]:
        parts = Parts(("id", "owner"), ("meta",))
        for owner, mark in marked.marks.items():
            known = marked.tasks.get(owner)
            if known is not None and mark_of(known.resource, self._base) == mark:
                continue
            task = reader_task(marked.thread, owner, mark, self._call.now, known.resource if known else None)
            stored, before = known or (None, None)
            yield hub_change(self._call.services, task, stored, self._call.now, before, parts)


def _everybody(thread: MessageThread) -> tuple[str, ...]:
    return (*thread.recipients, thread.requester, thread.sender_team)


def _closed() -> Unprocessable:
    text_ = "This thread is closed: nobody replies in it any more. Begin a new one."
    return Unprocessable(text_, expression="Communication.partOf", detail="thread-closed")
