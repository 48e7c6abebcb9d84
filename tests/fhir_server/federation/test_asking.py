"""Within one request of a caller equal questions to one source are asked once."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fake_sources import QUERY, FakeAdapter, NoTransport, at_once, declared, virtually

from adapters.contract import SourceError
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.asking import Asking
from fhir_server.federation.fanout import Taking, ask
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Pace
from fhir_server.federation.plan import Step
from fhir_server.federation.taken import Taken
from fhir_server.interactions.asking_once import MOST, let_go_of_much

TYPES = ("Condition", "Flag", "Condition")


@dataclass
class Asker:
    """Asks the source "linde" through ``adapter`` again and again in one request; ``made`` and ``shown`` count what is done."""

    adapter: FakeAdapter
    asking: Asking = field(default_factory=Asking)
    made: int = 0
    shown: int = 0

    async def __call__(self, type_: str, client: str = "Patient/1", budget: float = 5.0) -> Answer:
        taking = Taking(client, self._make, self._show)
        plan = (Step(declared(budget=budget), self.adapter, type_),)
        (answer,) = await ask(plan, QUERY, {"linde": NoTransport()}, taking=taking, asking=self.asking)
        return answer

    async def at_once(self, *types: str) -> list[Answer]:
        return list(await asyncio.gather(*map(self, types)))

    async def _make(self, answer: SourceAnswer) -> Taken:
        self.made += 1
        return Taken(answer, {})

    async def _show(self, _: Taken) -> None:
        self.shown += 1


def test_what_is_asked_at_the_same_time_is_asked_once_and_serves_all() -> None:
    asker = Asker(FakeAdapter(1))
    answers = virtually(asker.at_once(*TYPES))
    assert [each.resource_type for each in asker.adapter.asked] == ["Condition", "Flag"]
    assert (asker.made, asker.shown) == (2, 3)
    assert answers[0] is answers[2]


def test_so_is_what_is_asked_later() -> None:
    async def twice(asker: Asker) -> None:
        assert await asker("Condition") is await asker("Condition")
        await asker("Condition", "Patient/2")

    asker = Asker(FakeAdapter())
    virtually(twice(asker))
    assert len(asker.adapter.asked) == 2, "about another client it is another question"


def test_a_question_that_failed_failed_for_all() -> None:
    asker = Asker(FakeAdapter(error=SourceError("throttled", "later")))
    answers = virtually(asker.at_once(*TYPES))
    assert {each.fault for each in answers if isinstance(each, SourceFault)} == {"throttled"}
    assert len(asker.adapter.asked) == 2


def test_who_is_too_late_is_so_for_all_and_is_not_asked_again() -> None:
    async def late(asker: Asker) -> list[Answer]:
        return [*await asker.at_once("Condition", "Condition"), await asker("Condition")]

    asker = Asker(FakeAdapter(60))
    answers = virtually(late(asker))
    assert [each.fault for each in answers if isinstance(each, SourceFault)] == ["timeout"] * 3
    assert len(asker.adapter.asked) == 1
    assert asker.adapter.cancelled


def test_it_goes_on_as_long_as_anybody_waits() -> None:
    async def one_leaves(asker: Asker) -> tuple[Answer, Answer]:
        patient = asyncio.create_task(asker("Condition"))
        await asyncio.sleep(0.1)
        short, stays = await asker("Condition", budget=1), await patient
        return short, stays

    asker = Asker(FakeAdapter(3))
    short, stays = virtually(one_leaves(asker))
    assert isinstance(short, SourceFault)
    assert isinstance(stays, SourceAnswer)
    assert not asker.adapter.cancelled


def test_what_was_let_go_of_is_asked_anew() -> None:
    async def again(asker: Asker) -> None:
        await asker("Condition")
        at_once(asker.asking.let_go())
        await asker("Condition")

    asker = Asker(FakeAdapter())
    virtually(again(asker))
    assert len(asker.adapter.asked) == 2


def test_a_question_that_raises_is_heard_by_who_asks_it() -> None:
    async def raising() -> None:
        raise LookupError

    async def both(asking: Asking) -> None:
        for _ in range(2):
            with pytest.raises(LookupError):
                await asking.once("q", raising)

    virtually(both(Asking()))


def test_a_bundle_of_requests_holds_no_more_than_so_much() -> None:
    def call(number: int) -> Any:
        asking = Asking()
        asking.hold({str(each): Merged({}, declared()) for each in range(number)})
        return SimpleNamespace(asking=asking, services=SimpleNamespace(federation=SimpleNamespace(pace=Pace())))

    few, many = call(MOST), call(MOST + 1)
    for each in (few, many):
        asyncio.run(let_go_of_much(each))
    assert (few.asking.held, many.asking.held) == (MOST, 0)
