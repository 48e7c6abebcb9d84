"""Sending a question on: when somebody asks for it, and by the hub itself when its time at a level is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.interactions import consequences
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.hub_call import hub_call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.question_network import Network, network_of_question, who_could
from fhir_server.interactions.question_placed import standing
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.interactions.thread_store import Known, ThreadStore
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network import escalation
from fhir_server.network.escalation import NOTHING_SAID, Said
from fhir_server.network.json_parts import listed
from fhir_server.network.message_thread import CLOSED, literal
from fhir_server.network.question import Question, is_question, question_of
from fhir_server.network.question_tasks import ANSWER, CODES, OVERDUE, WAITING
from fhir_server.search.tree import And, Date, Not, Query, Token
from fhir_server.storage.repository import Change, VersionConflict

THREAD: Final = "CommunicationRequest"
_INTERACTION: Final = "$escalate"
_AT_ONCE: Final = 100
_MOST_PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """A question as it stands now: what is stored, what that says, and its network, None when that is not there any more."""

    known: Known
    question: Question
    network: Network | None


async def standing_of(call: Call, id_: str) -> Standing | None:
    """Return where the question ``id_`` stands, None when there is no such question; the hub's own view."""
    services = call.services
    grant = services.gate.locating(THREAD)
    stored = await services.repository.read(grant, THREAD, id_)
    if stored is None or stored.deleted:
        return None
    resource = read(stored.body, OWN).resource
    if not is_question(resource):
        return None
    question = question_of(resource, services.base)
    return Standing(Known(stored, resource), question, await network_of_question(call, ThreadStore(call, ()), question))


def changed(call: Call, at: Standing, question: Question) -> Change:
    """Return the change that makes ``question`` of where it stood."""
    people: Sequence[str] = [literal(each, call.services.base) for each in listed(at.known.resource, "recipient")]
    if at.network is not None:
        people = escalation.reached(question, at.network.ladder, at.network.careteam, call.now, call.services.base)
    return hub_change(call.services, standing(at.known.resource, question, people), at.known.stored, call.now)


async def moved(call: Call, at: Standing, reason: str, said: Said = NOTHING_SAID) -> Question | None:
    """Return the question one level up, or at the level for its emergency; None when there is nobody above."""
    if at.network is None:
        return None
    there = await who_could(call, at.network, at.question.patient, [at.question.asker])
    arguments = at.network.ladder, there, call.now
    if reason == escalation.EMERGENCY:
        return escalation.jumped(at.question, *arguments, said)
    return escalation.raised(at.question, *arguments, reason, said)


async def overdue(services: Services, now: int) -> None:
    """Send on every question whose time at its level is over at the moment ``now`` (microseconds)."""
    due = Date("due", "lt", now, now)
    where = And((Token("code", ANSWER, CODES), Token("status", WAITING), due, Not(Token("business-status", OVERDUE, CODES))))
    grant, query = services.gate.locating("Task"), Query("Task", where, count=_AT_ONCE)
    for _ in range(_MOST_PAGES):
        page = await services.repository.search(grant, query)
        for stored in page.resources:
            task = read(stored.body, OWN).resource
            for each in listed(task, "basedOn"):
                type_, _, id_ = literal(each, services.base).partition("/")
                if type_ == THREAD:
                    await _time_out(hub_call(services, _INTERACTION, THREAD, id_, now))
        if not page.more:
            return
        query = Query("Task", where, count=_AT_ONCE, after=page.resources[-1].cursor)


async def _time_out(call: Call) -> None:
    """Send a question on if its time is over; whoever else changed it meanwhile has decided, or the next round will."""
    at = await standing_of(call, call.id)
    if at is None or at.question.state != "open" or not 0 < at.question.due <= call.now or at.known.resource["status"] in CLOSED:
        return
    question = await moved(call, at, escalation.TIMED_OUT) or escalation.unanswered(at.question, call.now)
    change = changed(call, at, question)
    answer = Answer(200, id=call.id, version=change.expected + 1, dossier=question.patient)
    try:
        await consequences.commit(call, [], [change], [line(call, answer)])
    except VersionConflict:
        return
