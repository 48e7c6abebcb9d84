"""``CommunicationRequest/{id}/$escalate`` and ``$answer``: what the people at its level do with a question to the ladder.

``$escalate``: ``reason`` (text), ``category`` (a topic that makes it an emergency), ``step`` (the Task of the step that is meant).
``$answer``: ``payload`` (for everybody), ``professional`` and ``lay`` (each for its own readers), all of them texts.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.escalating import THREAD, Standing, changed, moved, standing_of
from fhir_server.interactions.read import existing
from fhir_server.interactions.write import change, checked
from fhir_server.model.json import write
from fhir_server.model.meta import instant, version_headers
from fhir_server.network import escalation
from fhir_server.network.escalation import Said
from fhir_server.network.json_parts import listed, text
from fhir_server.network.ladder import Code
from fhir_server.network.plain_language import AUDIENCE, LAY, PROFESSIONAL
from fhir_server.network.question import Question, reference
from fhir_server.network.question_tasks import step_task_id
from fhir_server.operations.asked_parameters import Asked, asked
from fhir_server.operations.committed import commit
from fhir_server.storage.repository import Change

_ATTEMPTS: Final = 20
_DOUBLE: Final = 2_000_000  # microseconds within which who asks again means the same
_MESSAGE: Final = "Communication"


async def escalate(call: Call) -> Answer:
    """Send a question one level up, or to the level for an emergency; 200 with the question as it stands then.

    Who is at its level may, because it cannot be answered there, and who asked, the client and `system`. Who comes too late, since
    it has gone up already, gets it as it is. Raises Forbidden (not-at-level), Unprocessable (no-question, question-closed,
    no-level-above).
    """
    given = asked(call)
    seen: list[int] = []

    async def decide(at: Standing) -> tuple[Answer, list[Change]]:
        question = _open(at.question)
        seen.append(question.step.number)
        if question.step.number > seen[0] or _is_late(call, at, given):
            return _told(at), []
        _require_part(call, at)
        category = _coded(given.one("category", "Coding", "CodeableConcept"))
        said = Said(call.actor.reference, _said(given))
        reason = escalation.CANNOT_ANSWER
        if category is not None:
            at, reason = replace(at, question=replace(question, topics=(*question.topics, category))), escalation.EMERGENCY
        after = await moved(call, at, reason, said)
        if after is None:
            raise _none_above(reason)
        made = changed(call, at, after)
        return _answer(made.body, made.expected + 1, after.patient, call.now, made.id), [made]

    return await _carried_out(call, decide)


async def answer(call: Call) -> Answer:
    """Post an answer in a question's thread, and close the question; 200 with the message.

    Who is at its level may; and so may who was until it went up because time was over. When the question was answered meanwhile the
    message is posted all the same. Raises Forbidden (not-at-level), Unprocessable (no-question, question-closed, no-answer).
    """
    payload = list(_payload(asked(call)))
    id_ = call.services.new_id()

    async def decide(at: Standing) -> tuple[Answer, list[Change]]:
        question = at.question
        number = next((each for each in escalation.answering(question) if _is_at(call, at, each)), None)
        if number is None:
            raise _not_at_level("answers it")
        made = _message(call, id_, question, payload)
        told = _answer(made.body, 1, question.patient, call.now, id_)
        if question.state == "answered":
            return told, [made]
        after = escalation.answered(_open(question), number, call.actor.reference, call.now)
        return told, [made, changed(call, at, after)]

    return await _carried_out(call, decide)


async def _carried_out(call: Call, decide: Callable[[Standing], Awaitable[tuple[Answer, list[Change]]]]) -> Answer:
    services = call.services
    services.gate.operating(call.actor, f"{THREAD}/{call.interaction}")
    writing = services.gate.permitted(call.actor, "create", [_MESSAGE])

    async def done() -> Answer:
        grant = services.gate.grant(call.actor, "read", THREAD)
        existing(call, await services.repository.read(grant, THREAD, call.id))
        at = await standing_of(call, call.id)
        if at is None:
            raise Unprocessable("This conversation is no question to the ladder of a network.", detail="no-question")
        told, changes = await decide(at)
        if changes:
            await commit(call, writing, changes, told)
        return told

    return await anew(done, "Others are changing this question at the same moment. Try again.", _ATTEMPTS)


def _open(question: Question) -> Question:
    if question.state != "open":
        raise Unprocessable("This question is closed: it was answered, or withdrawn.", detail="question-closed")
    return question


def _is_late(call: Call, at: Standing, given: Asked) -> bool:
    """Tell whether the question has gone up already for the reason that the caller has now."""
    question, step = at.question, given.reference("step")
    if step:
        return step != f"Task/{step_task_id(question.reference, question.step.number)}"
    if question.step.by in call.actor.people and call.now - question.step.since < _DOUBLE:
        return True
    here = _is_at(call, at, question.step.number) or _is_of_client(call, question) or call.actor.role == "system"
    return not here and any(_is_at(call, at, each.number) for each in question.steps)


def _require_part(call: Call, at: Standing) -> None:
    if call.actor.role == "system" or _is_of_client(call, at.question) or _is_at(call, at, at.question.step.number):
        return
    raise _not_at_level("sends it on")


def _is_of_client(call: Call, question: Question) -> bool:
    return question.asker in call.actor.people or question.patient in call.actor.people


def _is_at(call: Call, at: Standing, number: int) -> bool:
    if at.network is None:
        return False
    there = escalation.at_step(at.question, number, at.network.ladder, at.network.careteam, call.now, call.services.base)
    return bool({*call.actor.people, *call.actor.teams}.intersection(there)) and at.question.asker not in call.actor.people


def _said(given: Asked) -> str:
    found = given.one("reason", "String", "Markdown", "Code", "Coding", "CodeableConcept")
    if isinstance(found, dict):
        coding = next(iter(listed(found, "coding")), found)
        return text(found, "text") or text(coding, "display") or text(coding, "code")
    return str(found or "")


def _coded(value: dict[str, Any] | None) -> Code | None:
    coding = next(iter(listed(value, "coding")), value) if value else None
    return (text(coding, "system"), text(coding, "code")) if coding else None


def _payload(given: Asked) -> Iterator[dict[str, Any]]:
    texts = [(each, given.one(each, "String", "Markdown")) for each in ("payload", PROFESSIONAL, LAY)]
    if not any(content for _, content in texts):
        told = "An answer needs a text: 'payload' for everybody, or 'professional' or 'lay'."
        raise Unprocessable(told, expression="Parameters.parameter", detail="no-answer")
    for name, content in texts:
        audience = {"extension": [{"url": AUDIENCE, "valueCode": name}]} if name != "payload" else {}
        if content:
            yield {**audience, "contentString": content}


def _message(call: Call, id_: str, question: Question, payload: list[dict[str, Any]]) -> Change:
    message = {
        "resourceType": _MESSAGE,
        "partOf": [reference(question.reference)],
        "status": "completed",
        "subject": reference(question.patient),
        "sent": instant(call.now),
        "sender": reference(call.actor.reference),
        "payload": payload,
    }
    entry = call.services.catalog.types[_MESSAGE]
    creating = replace(call, interaction="create", entry=entry, id=id_, body=write(message))
    return change(creating, checked(creating), id_, None)


def _answer(body: bytes, version: int, patient: str, at: int, id_: str) -> Answer:
    return Answer(200, body, version_headers(version, at), id_, version, patient, at)


def _told(at: Standing) -> Answer:
    stored = at.known.stored
    return _answer(stored.body, stored.version, at.question.patient, stored.updated, stored.id)


def _not_at_level(does: str) -> Forbidden:
    return Forbidden(f"This question is at a level of the network where you are not: who is there {does}.", detail="not-at-level")


def _none_above(reason: str) -> Unprocessable:
    if reason == escalation.EMERGENCY:
        told = "The ladder of this network names no higher level for this category."
        return Unprocessable(told, expression="Parameters.parameter.where(name='category')", detail="no-level-above")
    return Unprocessable("This question is at the highest level where there is anybody.", detail="no-level-above")
