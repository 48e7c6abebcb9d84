"""What follows from where a question stands: the Tasks of its steps, who is told, and where each step came from.

A change of the client's team changes whom an open question reaches, and sends it on when nobody is left at its level.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change, origin_change
from fhir_server.interactions.question_network import Network, network_of_question, who_could
from fhir_server.interactions.question_placed import standing
from fhir_server.interactions.thread_store import Known, ThreadStore
from fhir_server.model.meta import instant
from fhir_server.network import escalation, question_tasks
from fhir_server.network.json_parts import mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.question import Question, is_question, question_of, reference
from fhir_server.storage.repository import Change

_THREAD: Final = "CommunicationRequest"
Resource = dict[str, Any]


class QuestionConsequences:
    """Goes over the changes of one commit."""

    def __init__(self, call: Call, changes: Sequence[Change]) -> None:
        self._call = call
        self._base = call.services.base
        self._changes = changes
        self._store = ThreadStore(call, changes)

    async def of_changes(self) -> list[Change]:
        """Return the changes that follow: of questions, when their team changed, and of Tasks and Provenance."""
        moved = [each for change in self._changes if change.type == "CareTeam" for each in await self._followed(change)]
        self._store = ThreadStore(self._call, [*self._changes, *moved])
        made = list(moved)
        for change in [*self._changes, *moved]:
            if change.type == _THREAD and change.indexed is not None:
                made += await self._of_question(change)
        return made

    async def _followed(self, change: Change) -> list[Change]:
        """Return the changes of open questions whose team changes."""
        before = await self._store.before(change.reference) if change.expected else None
        return await self.of_team(change.reference, literal(mapped(before or {}, "subject"), self._base))

    async def of_team(self, team: str, patient: str) -> list[Change]:
        """Return the changes of open questions that follow where ``team`` ("CareTeam/id") changed, or periods in it began or ended.

        ``patient`` is its client ("Patient/id"). What follows from these changes follows when they are committed.
        """
        own = {each.reference for each in self._changes}
        found = await self._store.open_questions(patient) if patient.startswith("Patient/") else []
        return [
            made
            for each in found
            if f"{_THREAD}/{each.resource['id']}" not in own and is_question(each.resource)
            for made in await self._with_team(each, team)
        ]

    async def _with_team(self, known: Known, team: str) -> list[Change]:
        question = question_of(known.resource, self._base)
        network = await network_of_question(self._call, self._store, question) if question.network == team else None
        if network is None or question.state != "open":
            return []
        now = self._call.now
        if not self._people(question, question.step.number, network):
            there = await who_could(self._call, network, question.patient, [question.asker])
            question = escalation.raised(question, network.ladder, there, now, escalation.LEFT) or question
        people = escalation.reached(question, network.ladder, network.careteam, now, self._base)
        after = standing(known.resource, question, people)
        return [] if after == known.resource else [hub_change(self._call.services, after, known.stored, now)]

    async def _of_question(self, change: Change) -> list[Change]:
        resource = (await self._store.after([change.reference]))[change.reference]
        if not is_question(resource):
            return []
        stored = await self._store.before(change.reference) if change.expected else None
        question = question_of(resource, self._base)
        before = question_of(stored, self._base) if stored and is_question(stored) else None
        network = await network_of_question(self._call, self._store, question)
        known = {str(each.resource["id"]): each for each in await self._store.question_tasks(question.reference)}
        tasks = [*self._steps(question, before, network, known), *self._told(question, before, network, known)]
        changes = [each for task in tasks for each in self._task(task, known.get(task["id"]))]
        origins = (self._origin(question, *each) for each in _happened(question, before))
        return [*changes, *(origin_change(self._call.services, each, [change], self._call.now) for each in origins)]

    def _steps(
        self, question: Question, before: Question | None, network: Network | None, known: Mapping[str, Known]
    ) -> Iterator[Resource]:
        """Yield the Tasks of the step at which the question was, and of those since then."""
        for number in range(before.step.number if before else 0, len(question.steps)):
            found = known.get(question_tasks.step_task_id(question.reference, number))
            people = self._people(question, number, network)
            yield question_tasks.step_task(question, number, people, found.resource if found else None)

    def _told(
        self, question: Question, before: Question | None, network: Network | None, known: Mapping[str, Known]
    ) -> Iterator[Resource]:
        """Yield the Tasks of those who are told that nobody answers, and these as they are when that is over."""
        if question.unanswered and not (before and before.unanswered):
            overseers = escalation.overseers(network.careteam, self._call.now, self._base) if network else ()
            client = (question.patient,) if self._call.services.ozo.client_tasks else ()
            yield from question_tasks.told_tasks(question, (*overseers, *client))
        elif before and before.unanswered and (question.state != "open" or not question.unanswered):
            yield from (
                question_tasks.told_no_more(each.resource) for each in known.values() if question_tasks.tells(each.resource)
            )

    def _people(self, question: Question, number: int, network: Network | None) -> tuple[str, ...]:
        if network is None:
            return ()
        found = escalation.at_step(question, number, network.ladder, network.careteam, self._call.now, self._base)
        return tuple(each for each in found if each != question.asker)

    def _task(self, task: Resource, known: Known | None) -> Iterator[Change]:
        if known is None or task != known.resource:
            at = self._call.now
            yield hub_change(self._call.services, {**task, "lastModified": instant(at)}, known.stored if known else None, at)

    def _origin(self, question: Question, what: str, by: str, why: str) -> Resource:
        observer = self._call.services.observer
        agent = reference(by) if by else {"type": "Device", "display": observer.name}
        return question_tasks.provenance(question, what, agent, self._call.now, why)


def _happened(question: Question, before: Question | None) -> Iterator[tuple[str, str, str]]:
    """Yield what happened to the question since ``before``, who did it ("" for the hub), and why."""
    if before is None or question.step.number > before.step.number:
        step = question.step
        yield step.reason, step.by or (question.asker if not step.number else ""), step.why
    if question.unanswered and not (before and before.unanswered):
        yield question_tasks.UNANSWERED_STEP, "", ""
    if question.state != "open" and (before is None or before.state == "open"):
        yield question.state, question.closed_by, ""
