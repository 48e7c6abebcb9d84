"""How questions go up random ladders: at one level at a time, up, never down, and nobody above learns of them."""

from dataclasses import replace
from typing import Any

from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fhir_server.network import escalation
from fhir_server.network.escalation import Available, Said
from fhir_server.network.ladder import Ladder, Level, Place
from fhir_server.network.question import Question, question_of, with_state
from fhir_server.network.question_tasks import step_task, told_tasks

TOPICS = [("urn:topic", each) for each in "abc"]
MINUTE = 60_000_000
START = 1_767_268_800_000_000
PEOPLE = [f"Practitioner/{each}" for each in "abcdefgh"]
ASKER, CLIENT = "RelatedPerson/asker", "Patient/client"

levels = st.tuples(st.sets(st.sampled_from(TOPICS), max_size=2), st.booleans(), st.sampled_from([0, 5, 60]))


def ladder_from(drawn: list[tuple[set[Any], bool, int]]) -> Ladder:
    return Ladder(
        "urn:ladder|1",
        tuple(
            Level(
                code=("urn:level", str(number)),
                title=f"Level {number}",
                places=(Place(("Practitioner",), ("urn:role", str(number))),),
                topics=frozenset(topics),
                emergencies=frozenset({TOPICS[0]}) if is_emergency else frozenset(),
                time_outs={"routine": minutes * MINUTE} if minutes else {},
            )
            for number, (topics, is_emergency, minutes) in enumerate(drawn)
        ),
    )


class Questions(RuleBasedStateMachine):
    """One question on one ladder, whose members come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.roles: dict[str, int] = {}
        self.ladder = ladder_from([(set(), False, 5)])
        self.question: Question | None = None
        self.before: Question | None = None
        self.times: list[int] = []

    @property
    def team(self) -> dict[str, Any]:
        participants = [
            {"member": {"reference": who}, "role": [{"coding": [{"system": "urn:role", "code": str(level)}]}]}
            for who, level in self.roles.items()
        ]
        return {"resourceType": "CareTeam", "id": "network", "status": "active", "participant": participants}

    @property
    def there(self) -> list[Available]:
        return escalation.available(self.ladder, self.team, [ASKER], None, self.now)

    def take(self, question: Question | None) -> None:
        if question is not None:
            self.before, self.question = self.question, question

    @initialize(
        drawn=st.lists(levels, min_size=2, max_size=5),
        roles=st.dictionaries(st.sampled_from([*PEOPLE, ASKER]), st.integers(0, 4), min_size=4),
    )
    def begin(self, drawn: list[tuple[set[Any], bool, int]], roles: dict[str, int]) -> None:
        self.ladder, self.roles = ladder_from(drawn), dict(roles)

    @rule(who=st.sampled_from([*PEOPLE, ASKER]), level=st.integers(-1, 4))
    def comes_or_leaves(self, who: str, level: int) -> None:
        self.roles.pop(who, None)
        if level >= 0:
            self.roles[who] = level

    @precondition(lambda self: self.question is None)
    @rule(topics=st.lists(st.sampled_from(TOPICS), unique=True, max_size=2))
    def ask(self, topics: list[Any]) -> None:
        asked = Question("CommunicationRequest/q", CLIENT, ASKER, "CareTeam/network", "urn:ladder|1", tuple(topics), "routine")
        begun = escalation.begun(asked, self.ladder, self.there, self.now)
        somebody = any(each.people for each in self.there)
        assert (begun is not None) == somebody
        if begun is not None and self.ladder.emergency(topics) is None:
            answering = [n for n, each in enumerate(self.there) if each.people and self.ladder.levels[n].answers(topics)]
            lowest = min(answering or [n for n, each in enumerate(self.there) if each.people])
            assert escalation.position(begun, self.ladder) == lowest
        self.take(begun)

    @precondition(lambda self: self.question is not None and self.question.state == "open")
    @rule(minutes=st.integers(1, 90))
    def time_goes_by(self, minutes: int) -> None:
        assert self.question is not None
        self.now += minutes * MINUTE
        if 0 < self.question.due <= self.now:
            assert self.question.due not in self.times
            self.times.append(self.question.due)
            raised = escalation.raised(self.question, self.ladder, self.there, self.now, escalation.TIMED_OUT)
            self.take(raised or escalation.unanswered(self.question, self.now))

    @precondition(lambda self: self.question is not None and self.question.state == "open")
    @rule(who=st.sampled_from(PEOPLE))
    def cannot_answer(self, who: str) -> None:
        assert self.question is not None
        self.take(
            escalation.raised(self.question, self.ladder, self.there, self.now, escalation.CANNOT_ANSWER, Said(who, "no idea"))
        )

    @precondition(lambda self: self.question is not None and self.question.state == "open")
    @rule()
    def becomes_an_emergency(self) -> None:
        assert self.question is not None
        urgent = replace(self.question, topics=(*dict.fromkeys((*self.question.topics, TOPICS[0])),))
        jumped = escalation.jumped(urgent, self.ladder, self.there, self.now)
        named = self.ladder.emergency(urgent.topics)
        if jumped is not None:
            assert named is not None
            assert escalation.position(self.question, self.ladder) < named
        self.take(jumped)

    @precondition(lambda self: self.question is not None and self.question.state == "open")
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        assert self.question is not None
        number = data.draw(st.sampled_from(escalation.answering(self.question)))
        assert all(each.reason == escalation.TIMED_OUT for each in self.question.steps[number + 1 :])
        self.take(escalation.answered(self.question, number, PEOPLE[0], self.now))

    @invariant()
    def it_goes_up_one_step_at_a_time(self) -> None:
        if self.question is None or not self.question.steps:
            return
        places = [self.ladder.index(each.level, each.number) for each in self.question.steps]
        assert places == sorted(set(places))
        assert [each.number for each in self.question.steps] == list(range(len(places)))
        if self.before is not None:
            steps = self.before.steps
            assert self.question.steps[: len(steps)] == steps
            assert len(self.question.steps) - len(steps) <= 1

    @invariant()
    def every_level_in_between_says_why_it_was_passed(self) -> None:
        if self.question is None or not self.question.steps:
            return
        last = self.question.step
        here = self.ladder.index(last.level, 0)
        previous = self.ladder.index(self.question.steps[-2].level, 0) if last.number else -1
        passed = {self.ladder.index(each.level, 0) for each in last.passed}
        if last.reason in {escalation.TIMED_OUT, escalation.CANNOT_ANSWER}:
            assert passed == set(range(previous + 1, here))
            assert all(each.reason in {"nobody", "only-asker", "topic"} for each in last.passed)

    @invariant()
    def nobody_else_sees_it(self) -> None:
        if self.question is None:
            return
        people = set(escalation.reached(self.question, self.ladder, self.team, self.now))
        levels = {self.ladder.index(each.level, each.number) for each in self.question.steps}
        allowed = {who for who, level in self.roles.items() if level in levels}
        assert people <= allowed | {ASKER}
        assert people

    @invariant()
    def closed_stays_closed(self) -> None:
        if self.question is not None and self.question.state != "open":
            assert self.question.due == 0
            assert 0 <= self.question.answered_at < len(self.question.steps)

    @invariant()
    def it_is_read_as_it_was_written(self) -> None:
        if self.question is None:
            return
        categories = [{"coding": [{"system": system, "code": code}]} for system, code in self.question.topics]
        request: dict[str, Any] = {
            "resourceType": "CommunicationRequest",
            "id": "q",
            "subject": {"reference": CLIENT},
            "requester": {"reference": ASKER},
            "category": categories,
        }
        assert question_of({**request, "extension": with_state(request, self.question)}) == self.question

    @invariant()
    def one_task_waits_while_it_is_open(self) -> None:
        if self.question is None:
            return
        tasks: list[dict[str, Any]] = []
        for number in range(len(self.question.steps)):
            new = step_task(replace(self.question, steps=self.question.steps[: number + 1], state="open"), number, [], None)
            tasks.append(step_task(self.question, number, [], new))
        waiting = [each["id"] for each in tasks if each["status"] == "requested"]
        assert waiting == ([tasks[-1]["id"]] if self.question.state == "open" else [])
        assert [each["partOf"][0]["reference"] for each in tasks[1:]] == [f"Task/{each['id']}" for each in tasks[:-1]]
        assert len({each["id"] for each in [*tasks, *told_tasks(self.question, PEOPLE)]}) == len(tasks) + len(PEOPLE)


TestQuestions = Questions.TestCase
TestQuestions.settings = settings(max_examples=examples(30), stateful_step_count=25, deadline=None)
