"""How a question goes up the ladder: to the lowest level that may answer it, then up, never down, until somebody answers.

A question is at one level at a time. A level where nobody is who could answer is passed over, and the step says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.ladder import Code, Ladder, Level, at_level, with_role
from fhir_server.network.question import Passed, Question, Step

ASKED, TIMED_OUT, CANNOT_ANSWER, EMERGENCY, LEFT = "asked", "time-out", "cannot-answer", "emergency", "left"
NOBODY, ONLY_ASKER, TOPIC = "nobody", "only-asker", "topic"
_ROLES: Final = f"{CANONICAL}/CodeSystem/network-role"
OVERSEERS: Final = ((_ROLES, "coordinator"), (_ROLES, "director"))
"""The roles of those who see to a question that nobody answers at the highest level."""


class Said(NamedTuple):
    """Who ("Type/id", "" for the hub) sends a question on, and ``why``, in words."""

    by: str = ""
    why: str = ""


NOTHING_SAID: Final = Said()


@dataclass(frozen=True, slots=True)
class Available:
    """Who is at a level ("Type/id"), apart from who asks; ``reason`` tells why it is passed over, "" when it is not."""

    people: tuple[str, ...]
    reason: str = ""


def available(
    ladder: Ladder, careteam: Mapping[str, Any], asker: Iterable[str], able: Iterable[str] | None, at: int, base: str = ""
) -> list[Available]:
    """Return who is at each level of a client's ``careteam`` at the instant ``at``.

    ``asker`` are the references of who asks. Of the others only the ``able`` can see a message of the client (None: all of them):
    a level with none of these is passed over.
    """
    return [_available(each, careteam, set(asker), None if able is None else set(able), at, base) for each in ladder.levels]


def _available(level: Level, careteam: Mapping[str, Any], asker: set[str], able: set[str] | None, at: int, base: str) -> Available:
    everybody = at_level(level, careteam, at, base)
    people = tuple(each for each in everybody if each not in asker)
    if not people:
        return Available((), ONLY_ASKER if everybody else NOBODY)
    return Available(people, "" if able is None or able.intersection(people) else NOBODY)


def begun(question: Question, ladder: Ladder, there: Sequence[Available], at: int) -> Question | None:
    """Return the question at its first level, None when nobody is at any level.

    An emergency goes to the level that the ladder names, or else the next one above it, or below. Where no level that answers the
    topic has anybody, any other level is better than none.
    """
    levels = range(len(ladder.levels))
    emergency = ladder.emergency(question.topics)
    if emergency is not None:
        order = [*levels[emergency:], *reversed(levels[:emergency])]
        return _to(question, ladder, there, order, at, EMERGENCY)
    found = _to(question, ladder, there, levels, at, ASKED, question.topics)
    return found or _to(question, ladder, there, levels, at, ASKED)


def raised(
    question: Question, ladder: Ladder, there: Sequence[Available], at: int, reason: str, said: Said = NOTHING_SAID
) -> Question | None:
    """Return the question one level up, None when there is nobody above who may answer it."""
    above = range(position(question, ladder) + 1, len(ladder.levels))
    return _to(question, ladder, there, above, at, reason, question.topics, said)


def jumped(question: Question, ladder: Ladder, there: Sequence[Available], at: int, said: Said = NOTHING_SAID) -> Question | None:
    """Return the question at the level that the ladder names for its topics, where that is above; else None."""
    here, emergency = position(question, ladder), ladder.emergency(question.topics)
    if emergency is None or emergency <= here:
        return None
    order = [*range(emergency, len(ladder.levels)), *range(emergency - 1, here, -1)]
    return _to(question, ladder, there, order, at, EMERGENCY, said=said)


def _to(
    question: Question,
    ladder: Ladder,
    there: Sequence[Available],
    order: Iterable[int],
    at: int,
    reason: str,
    topics: Sequence[Code] = (),
    said: Said = NOTHING_SAID,
) -> Question | None:
    passed: list[Passed] = []
    for number in order:
        level = ladder.levels[number]
        why = TOPIC if not level.answers(topics) else there[number].reason
        if not why:
            step = Step(len(question.steps), level.code, level.title, at, reason, said.by, said.why, tuple(passed))
            after = level.time_out(question.priority)
            return replace(
                question, ladder=ladder.canonical, steps=(*question.steps, step), due=at + after if after else 0, unanswered=0
            )
        passed.append(Passed(level.code, level.title, why))
    return None


def position(question: Question, ladder: Ladder) -> int:
    """Return at which level of ``ladder`` the question is."""
    return ladder.index(question.step.level, question.step.number)


def unanswered(question: Question, at: int) -> Question:
    """Return the question after its time at the highest level was over: it stays there, and others are told."""
    return replace(question, due=0, unanswered=at)


def answered(question: Question, number: int, by: str, at: int) -> Question:
    """Return the question after somebody of the level of step ``number`` answered."""
    return replace(question, state="answered", due=0, closed=at, closed_by=by, answered_at=number)


def withdrawn(question: Question, at: int, by: str = "") -> Question:
    """Return the question after it was closed without an answer."""
    return replace(question, state="withdrawn", due=0, closed=at, closed_by=by)


def answering(question: Question) -> tuple[int, ...]:
    """Return the steps whose levels may answer: the last one, and those before it whose only fault was being too late."""
    number = question.step.number
    found = [number]
    while number and question.steps[number].reason == TIMED_OUT:
        number -= 1
        found.append(number)
    return tuple(found)


def reached(question: Question, ladder: Ladder, careteam: Mapping[str, Any], at: int, base: str = "") -> tuple[str, ...]:
    """Return whom the question came to ("Type/id"), as the network is at the instant ``at``: its recipients, the asker if nobody.

    Those are the people at all levels where it was, and, when nobody answers, those who see to that.
    """
    numbers = {ladder.index(each.level, each.number) for each in question.steps}
    people = [one for number in sorted(numbers) for one in at_level(ladder.levels[number], careteam, at, base)]
    told = overseers(careteam, at, base) if question.unanswered else ()
    found = tuple(dict.fromkeys(each for each in (*people, *told) if each != question.asker))
    return found or (question.asker,)


def at_step(
    question: Question, number: int, ladder: Ladder, careteam: Mapping[str, Any], at: int, base: str = ""
) -> tuple[str, ...]:
    """Return who ("Type/id") is at the level of step ``number``."""
    step = question.steps[number]
    return at_level(ladder.levels[ladder.index(step.level, step.number)], careteam, at, base)


def overseers(careteam: Mapping[str, Any], at: int, base: str = "") -> tuple[str, ...]:
    """Return who ("Type/id") coordinates or directs a client's ``careteam``."""
    return with_role(careteam, OVERSEERS, at, base)
