"""One look at a client's network, as the parts of a Parameters resource: who is in it, what waits for whom, what is planned.

What stands here is made of resources that the reader may see, so it shows each reader their own part of it.
https://hl7.org/fhir/R4/parameters.html
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.participation import current
from fhir_server.network.reader_task import is_reader_task, owner_of

Resource = Mapping[str, Any]
Part = dict[str, Any]
Named = Callable[[str], dict[str, str]]
"""Gives a reference ("Type/id") as a Reference with the name of who that is, where the reader may know it."""
QUESTION: Final = "answer-question"


def team(careteam: Resource, at: int, named: Named, base: str = "") -> Part:
    """Return a CareTeam with who is in it at the instant ``at``."""
    about = {"name": "careteam", "valueReference": {"reference": f"CareTeam/{careteam['id']}"}}
    name = [{"name": "name", "valueString": careteam["name"]}] if text(careteam, "name") else []
    members = [_member(each, named, base) for each in current(careteam, at)]
    return {"name": "team", "part": [about, *name, *(each for each in members if each)]}


def members(careteams: Iterable[Resource], at: int, base: str = "") -> tuple[str, ...]:
    """Return everybody ("Type/id") whose name a look at ``careteams`` shows."""
    places = [each for one in careteams for each in current(one, at)]
    found = [literal(mapped(each, name), base) for each in places for name in ("member", "onBehalfOf")]
    return tuple(dict.fromkeys(filter(None, found)))


def unread(tasks: Iterable[Resource], named: Named, base: str = "") -> list[Part]:
    """Return for whom how many threads have something unread, by ``tasks`` that are requested."""
    counted = Counter(owner_of(each, base) for each in tasks if is_reader_task(each))
    return [
        {"name": "unread", "part": [{"name": "member", "valueReference": named(who)}, {"name": "threads", "valueInteger": many}]}
        for who, many in counted.items()
    ]


def questions(tasks: Iterable[Resource]) -> list[Part]:
    """Return the questions that wait for an answer, each with the level at which it is (``performerType`` of its Task)."""
    return [{"name": "question", "part": list(_question(each))} for each in tasks if code_of(each) == QUESTION]


def others(tasks: Iterable[Resource], named: Named, base: str = "") -> list[Part]:
    """Return what else waits for somebody: the Tasks, by what they ask for."""
    return [
        {"name": "task", "part": list(_task(each, named, base))}
        for each in tasks
        if not is_reader_task(each) and code_of(each) != QUESTION
    ]


def appointments(found: Iterable[Resource]) -> list[Part]:
    """Return the appointments, whole."""
    return [{"name": "appointment", "resource": each} for each in found]


def consent(permitted: Mapping[str, bool], *, chosen: bool) -> Part:
    """Return whether the client made a choice, and which categories ("system|code") are open to the reader now."""
    rule = {"name": "rule", "valueCode": "consent" if chosen else "membership"}
    return {"name": "consent", "part": [rule, *(_category(each, permit) for each, permit in permitted.items())]}


def code_of(task: Resource) -> str:
    """Return the first code of what a Task asks for, "" for none."""
    return next((text(each, "code") for each in listed(mapped(task, "code"), "coding")), "")


def _member(participant: Resource, named: Named, base: str) -> Part | None:
    member = literal(mapped(participant, "member"), base)
    if not member:
        return None
    through = literal(mapped(participant, "onBehalfOf"), base)
    period = mapped(participant, "period")
    parts = [
        {"name": "who", "valueReference": named(member)},
        *({"name": "role", "valueCodeableConcept": each} for each in listed(participant, "role")),
        *([{"name": "organization", "valueReference": named(through)}] if through else []),
        *([{"name": "period", "valuePeriod": period}] if period else []),
    ]
    return {"name": "member", "part": parts}


def _question(task: Resource) -> Iterator[Part]:
    yield from ({"name": "thread", "valueReference": {"reference": each["reference"]}} for each in listed(task, "basedOn")[:1])
    yield from ({"name": "level", "valueCodeableConcept": each} for each in listed(task, "performerType")[:1])
    yield {"name": "priority", "valueCode": text(task, "priority") or "routine"}
    yield from _moments(task)


def _task(task: Resource, named: Named, base: str) -> Iterator[Part]:
    yield {"name": "task", "valueReference": {"reference": f"Task/{task['id']}"}}
    if "code" in task:
        yield {"name": "code", "valueCodeableConcept": task["code"]}
    if owner := owner_of(task, base):
        yield {"name": "owner", "valueReference": named(owner)}
    yield from _moments(task)


def _moments(task: Resource) -> Iterator[Part]:
    if text(task, "authoredOn"):
        yield {"name": "since", "valueDateTime": task["authoredOn"]}
    due = mapped(mapped(task, "restriction"), "period")
    if text(due, "end"):
        yield {"name": "due", "valueDateTime": due["end"]}


def _category(category: str, permit: bool) -> Part:  # noqa: FBT001 - it is what is told
    system, _, code = category.partition("|")
    coding = {"name": "category", "valueCoding": {"system": system, "code": code}}
    return {"name": "category", "part": [coding, {"name": "permit", "valueBoolean": permit}]}
