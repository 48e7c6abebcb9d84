"""A question to the ladder of a network: a CommunicationRequest that says, in an extension, where it stands.

The extension is the server's own: what a client writes there is thrown away. https://hl7.org/fhir/R4/communicationrequest.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.ladder import PRIORITIES, Code, codes
from fhir_server.network.message_thread import literal
from fhir_server.search.values import DateError, span

QUESTION: Final = (f"{CANONICAL}/CodeSystem/conversation-category", "question")
STATE: Final = f"{CANONICAL}/StructureDefinition/question"
STEPS: Final = f"{CANONICAL}/CodeSystem/question-step"
State = Literal["open", "answered", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Passed:
    """A level that a step passed over, and why (a code of question-step)."""

    level: Code
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """The question's coming to a level at the moment ``since``: its step ``number``, counted from 0.

    ``by`` is who sent it on ("" for the hub), ``why`` what they said.
    """

    number: int
    level: Code
    title: str
    since: int
    reason: str
    by: str = ""
    why: str = ""
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Where a question stands: at the level of its last step. All references are "Type/id", moments in microseconds.

    ``due`` is when its time at the level is over, 0 for never, or because everybody was told (``unanswered``, since when).
    ``answered_at`` is the number of the step at whose level it was answered, -1 for none.
    """

    reference: str
    patient: str
    asker: str
    network: str
    ladder: str
    topics: tuple[Code, ...]
    priority: str
    state: State = "open"
    steps: tuple[Step, ...] = ()
    due: int = 0
    unanswered: int = 0
    closed: int = 0
    closed_by: str = ""
    answered_at: int = -1

    @property
    def step(self) -> Step:
        """The last step."""
        return self.steps[-1]


def asks(request: Mapping[str, Any]) -> bool:
    """Tell whether a CommunicationRequest says that it is a question to the ladder."""
    return QUESTION in _categories(request)


def is_question(request: Mapping[str, Any]) -> bool:
    """Tell whether a stored CommunicationRequest is a question that the hub brought to a level."""
    return any(each.get("url") == STATE for each in listed(request, "extension"))


def new_question(request: Mapping[str, Any], network: str, ladder: str, base: str = "") -> Question:
    """Return what a CommunicationRequest asks, before it came to any level."""
    priority = text(request, "priority")
    return Question(
        reference=f"CommunicationRequest/{request['id']}",
        patient=literal(mapped(request, "subject"), base),
        asker=literal(mapped(request, "requester"), base),
        network=network,
        ladder=ladder,
        topics=tuple(each for each in _categories(request) if each != QUESTION),
        priority=priority if priority in PRIORITIES else PRIORITIES[0],
    )


def question_of(request: Mapping[str, Any], base: str = "") -> Question:
    """Read a stored question."""
    found = next(each for each in listed(request, "extension") if each.get("url") == STATE)
    parts = {text(each, "url"): each for each in listed(found, "extension")}
    asked = new_question(request, literal(mapped(parts.get("network", {}), "valueReference"), base), "", base)
    state = text(parts.get("state", {}), "valueCode")
    number = parts.get("answered-at", {}).get("valueInteger")
    return Question(
        reference=asked.reference,
        patient=asked.patient,
        asker=asked.asker,
        network=asked.network,
        ladder=text(parts.get("ladder", {}), "valueCanonical"),
        topics=asked.topics,
        priority=asked.priority,
        state="answered" if state == "answered" else "withdrawn" if state == "withdrawn" else "open",
        steps=tuple(_step(each, base) for each in listed(found, "extension") if text(each, "url") == "step"),
        due=_moment(parts.get("due", {})),
        unanswered=_moment(parts.get("unanswered", {})),
        closed=_moment(parts.get("closed", {})),
        closed_by=literal(mapped(parts.get("closed-by", {}), "valueReference"), base),
        answered_at=number if isinstance(number, int) else -1,
    )


def with_state(request: Mapping[str, Any], question: Question | None) -> list[dict[str, Any]]:
    """Return the extensions of ``request`` with where ``question`` stands; without it, with nothing of the kind."""
    others = [dict(each) for each in listed(request, "extension") if each.get("url") != STATE]
    return [*others, {"url": STATE, "extension": list(_parts(question))}] if question else others


def categories(request: Mapping[str, Any], question: Question) -> list[dict[str, Any]]:
    """Return the categories of ``request`` with all topics of ``question``."""
    known = _categories(request)
    new = ({"coding": [{"system": system, "code": code}]} for system, code in question.topics if (system, code) not in known)
    return [*(dict(each) for each in listed(request, "category")), *new]


def _parts(question: Question) -> Iterator[dict[str, Any]]:
    yield {"url": "network", "valueReference": reference(question.network)}
    yield {"url": "ladder", "valueCanonical": question.ladder}
    yield {"url": "state", "valueCode": question.state}
    yield {"url": "level", "valueCoding": _coding(question.step.level, question.step.title)}
    for name, moment in (("due", question.due), ("unanswered", question.unanswered), ("closed", question.closed)):
        if moment:
            yield {"url": name, "valueInstant": instant(moment)}
    if question.closed_by:
        yield {"url": "closed-by", "valueReference": reference(question.closed_by)}
    if question.answered_at >= 0:
        yield {"url": "answered-at", "valueInteger": question.answered_at}
    for each in question.steps:
        yield {"url": "step", "extension": list(_step_parts(each))}


def _step_parts(step: Step) -> Iterator[dict[str, Any]]:
    yield {"url": "number", "valueInteger": step.number}
    yield {"url": "level", "valueCoding": _coding(step.level, step.title)}
    yield {"url": "since", "valueInstant": instant(step.since)}
    yield {"url": "reason", "valueCoding": {"system": STEPS, "code": step.reason}}
    if step.by:
        yield {"url": "by", "valueReference": reference(step.by)}
    if step.why:
        yield {"url": "why", "valueString": step.why}
    for each in step.passed:
        reason = {"url": "reason", "valueCoding": {"system": STEPS, "code": each.reason}}
        yield {"url": "passed", "extension": [{"url": "level", "valueCoding": _coding(each.level, each.title)}, reason]}


def _step(extension: Mapping[str, Any], base: str) -> Step:
    parts = {text(each, "url"): each for each in listed(extension, "extension")}
    level, title = _level(parts)
    passed = (
        {text(each, "url"): each for each in listed(one, "extension")}
        for one in listed(extension, "extension")
        if text(one, "url") == "passed"
    )
    return Step(
        number=int(parts["number"]["valueInteger"]),
        level=level,
        title=title,
        since=_moment(parts.get("since", {})),
        reason=_reason(parts),
        by=literal(mapped(parts.get("by", {}), "valueReference"), base),
        why=text(parts.get("why", {}), "valueString"),
        passed=tuple(Passed(*_level(each), _reason(each)) for each in passed),
    )


def _level(parts: Mapping[str, Mapping[str, Any]]) -> tuple[Code, str]:
    coding = mapped(parts.get("level", {}), "valueCoding")
    return (text(coding, "system"), text(coding, "code")), text(coding, "display")


def _reason(parts: Mapping[str, Mapping[str, Any]]) -> str:
    return text(mapped(parts.get("reason", {}), "valueCoding"), "code")


def _coding(code: Code, title: str) -> dict[str, str]:
    coding = {"system": code[0], "code": code[1], "display": title}
    return {name: value for name, value in coding.items() if value}


def _moment(part: Mapping[str, Any]) -> int:
    try:
        return span(text(part, "valueInstant")).low
    except DateError:
        return 0


def _categories(request: Mapping[str, Any]) -> list[Code]:
    return [code for each in listed(request, "category") for code in codes(each)]


def reference(target: str) -> dict[str, str]:
    """Return a Reference to ``target`` ("Type/id")."""
    return {"reference": target, "type": target.partition("/")[0]}
