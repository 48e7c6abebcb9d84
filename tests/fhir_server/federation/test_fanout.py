"""Asking sources at the same time, each within its budget."""

import asyncio
import logging
from collections.abc import Mapping

import pytest
from fake_sources import QUERY, FakeAdapter, NoTransport, declared, virtually

from adapters.contract import Fault, SourceError
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.fanout import ask
from fhir_server.federation.plan import Step


def carry_out(
    adapters: Mapping[str, FakeAdapter], budgets: Mapping[str, float] | None = None, budget: float = 8.0
) -> tuple[tuple[Answer, ...], float]:
    """Ask each adapter as the source of its name; return the answers and the time it took."""
    plan = tuple(
        Step(declared(name, budget=(budgets or {}).get(name, 5.0)), adapter, "MedicationDispense")
        for name, adapter in adapters.items()
    )

    async def timed() -> tuple[tuple[Answer, ...], float]:
        answers = await ask(plan, QUERY, {name: NoTransport() for name in adapters}, budget)
        return answers, asyncio.get_running_loop().time()

    return virtually(timed())


def test_sources_are_asked_at_the_same_time() -> None:
    _, took = carry_out({"a": FakeAdapter(2), "b": FakeAdapter(3), "c": FakeAdapter(1)})
    assert took == pytest.approx(3)


def test_answers_keep_the_order_of_the_plan() -> None:
    answers, _ = carry_out({"a": FakeAdapter(3), "b": FakeAdapter(1), "c": FakeAdapter(2)})
    assert [each.source.name for each in answers] == ["a", "b", "c"]


def test_a_slow_source_costs_its_own_budget_and_no_more() -> None:
    slow, quick = FakeAdapter(60), FakeAdapter(1)
    answers, took = carry_out({"slow": slow, "quick": quick}, budgets={"slow": 4})
    assert took == pytest.approx(4)
    assert isinstance(answers[0], SourceFault)
    assert answers[0].fault == "timeout"
    assert isinstance(answers[1], SourceAnswer)


def test_the_whole_budget_is_above_that_of_a_source() -> None:
    _, took = carry_out({"slow": FakeAdapter(60)}, budgets={"slow": 5}, budget=2)
    assert took == pytest.approx(2)


def test_a_slow_source_is_cancelled() -> None:
    slow = FakeAdapter(60)
    carry_out({"slow": slow})
    assert slow.cancelled


@pytest.mark.parametrize("fault", ["timeout", "unreachable", "refused", "throttled", "not-supported", "structure"])
def test_what_an_adapter_reports_is_its_fault_alone(fault: Fault) -> None:
    answers, _ = carry_out({"bad": FakeAdapter(error=SourceError(fault, "it said so")), "good": FakeAdapter()})
    assert isinstance(answers[0], SourceFault)
    assert answers[0].fault == fault
    assert isinstance(answers[1], SourceAnswer)


def test_a_defect_of_an_adapter_costs_only_its_own_answer() -> None:
    answers, _ = carry_out({"bad": FakeAdapter(error=KeyError("999990019")), "good": FakeAdapter()})
    assert isinstance(answers[0], SourceFault)
    assert answers[0].fault == "structure"
    assert isinstance(answers[1], SourceAnswer)


def test_the_text_of_a_defect_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        carry_out({"bad": FakeAdapter(error=KeyError("999990019"))})
    assert "KeyError at search" in caplog.text
    assert "999990019" not in caplog.text


def test_every_message_has_an_id_of_its_own() -> None:
    adapters = {"a": FakeAdapter(), "b": FakeAdapter()}
    answers, _ = carry_out(adapters)
    assert [adapter.asked[0].request_id for adapter in adapters.values()] == ["7f3c.1", "7f3c.2"]
    assert [each.request_id for each in answers if isinstance(each, SourceAnswer)] == ["7f3c.1", "7f3c.2"]


def test_each_source_is_asked_for_the_type_of_its_step() -> None:
    adapter = FakeAdapter()
    carry_out({"a": adapter})
    assert adapter.asked[0].resource_type == "MedicationDispense"


def test_when_the_caller_goes_away_the_sources_are_cancelled() -> None:
    adapter = FakeAdapter(60)
    plan = (Step(declared(), adapter, "MedicationDispense"),)

    async def leave() -> None:
        task = asyncio.create_task(ask(plan, QUERY, {"linde": NoTransport()}))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    virtually(leave())
    assert adapter.cancelled
