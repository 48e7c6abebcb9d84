"""What a question leaves behind as it goes up: a Task for each step, those who are told of it, and where each step came from.

https://hl7.org/fhir/R4/task.html, https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.escalation import CANNOT_ANSWER, EMERGENCY, LEFT, TIMED_OUT
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.ladder import codes
from fhir_server.network.question import STEPS, Question, Step, reference

CODES: Final = f"{CANONICAL}/CodeSystem/question-task"
ANSWER, UNANSWERED, OVERDUE = "answer-question", "question-unanswered", "overdue"
UNANSWERED_STEP: Final = "unanswered"
WAITING: Final = "requested"
_ENDED: Final = {TIMED_OUT: "failed", CANNOT_ANSWER: "rejected", EMERGENCY: "cancelled", LEFT: "cancelled"}
_CLOSED: Final = {"answered": "completed", "withdrawn": "cancelled"}
Resource = dict[str, Any]


def id_of(question: str, *what: str) -> str:
    """Return the id of what belongs to ``question`` ("CommunicationRequest/id"): there can be one only."""
    return sha256(" ".join((question, *what)).encode()).hexdigest()[:40]


def step_task_id(question: str, number: int) -> str:
    """Return the id of the Task of step ``number``."""
    return id_of(question, "step", str(number))


def step_task(question: Question, number: int, people: Sequence[str], before: Mapping[str, Any] | None) -> Resource:
    """Return the Task of step ``number`` as it is after ``before``; ``people`` are those at its level.

    It is theirs together, or belongs to the only one who is there.
    """
    task = dict(before) if before else _new(question, question.steps[number])
    left = question.steps[number + 1] if number + 1 < len(question.steps) else None
    if left:
        return task | {"status": _ENDED.get(left.reason, "cancelled"), "statusReason": _concept(STEPS, left.reason, left.why)}
    if question.state != "open":
        return task | {"status": _CLOSED[question.state], "statusReason": _concept(STEPS, question.state)}
    task.pop("owner", None)
    owner = {"owner": reference(people[0])} if len(people) == 1 else {}
    overdue = {"businessStatus": _concept(CODES, OVERDUE)} if question.unanswered else {}
    return task | owner | overdue


def _new(question: Question, step: Step) -> Resource:
    level = {"system": step.level[0], "code": step.level[1], "display": step.title}
    period = {"start": instant(step.since), **({"end": instant(question.due)} if question.due else {})}
    before = {"partOf": [reference(f"Task/{step_task_id(question.reference, step.number - 1)}")]} if step.number else {}
    return {
        "resourceType": "Task",
        "id": step_task_id(question.reference, step.number),
        "basedOn": [reference(question.reference)],
        **before,
        "status": WAITING,
        "intent": "order",
        "priority": question.priority,
        "code": _concept(CODES, ANSWER),
        "for": reference(question.patient),
        "authoredOn": instant(step.since),
        "requester": reference(question.asker),
        "performerType": [{"coding": [{name: value for name, value in level.items() if value}], "text": step.title}],
        "reasonCode": _concept(STEPS, step.reason, step.why),
        "restriction": {"period": period},
    }


def told_tasks(question: Question, people: Iterable[str]) -> Iterator[Resource]:
    """Yield the Tasks that tell ``people`` that nobody answers ``question`` at the highest level."""
    for each in dict.fromkeys(people):
        yield {
            "resourceType": "Task",
            "id": id_of(question.reference, UNANSWERED_STEP, str(question.step.number), each),
            "basedOn": [reference(question.reference)],
            "partOf": [reference(f"Task/{step_task_id(question.reference, question.step.number)}")],
            "status": WAITING,
            "intent": "order",
            "priority": question.priority,
            "code": _concept(CODES, UNANSWERED),
            "for": reference(question.patient),
            "authoredOn": instant(question.unanswered),
            "owner": reference(each),
            "reasonCode": _concept(STEPS, UNANSWERED_STEP),
        }


def tells(task: Mapping[str, Any]) -> bool:
    """Tell whether a Task tells somebody that nobody answers a question."""
    return (CODES, UNANSWERED) in codes(mapped(task, "code")) and text(task, "status") == WAITING


def told_no_more(task: Mapping[str, Any]) -> Resource:
    """Return that Task when the question was answered, withdrawn, or sent on."""
    return {**task, "status": "cancelled"}


def provenance(question: Question, what: str, agent: Mapping[str, Any], at: int, why: str = "") -> Resource:
    """Return where the last step of ``question``, or its end, came from: ``what`` (a code of question-step) did ``agent``, and why.

    ``agent`` is a Reference.
    """
    task = f"Task/{step_task_id(question.reference, question.step.number)}"
    return {
        "resourceType": "Provenance",
        "id": id_of(question.reference, "provenance", what, str(question.step.number)),
        "target": [reference(each) for each in (question.reference, task, question.patient)],
        "recorded": instant(at),
        "activity": _concept(STEPS, what),
        "reason": [_concept(STEPS, what, why)],
        "agent": [{"who": dict(agent)}],
    }


def _concept(system: str, code: str, said: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], **({"text": said} if said else {})}
