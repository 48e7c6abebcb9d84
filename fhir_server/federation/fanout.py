"""Asks every source of a plan at the same time, none of them for longer than its budget."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from adapters.contract import SourceError, SourceQuery
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.asking import Asking
from fhir_server.federation.channel import Channel, Sender
from fhir_server.federation.plan import Plan, Step
from fhir_server.federation.taken import Taken
from fhir_server.federation.traced import NO_TRACE, Trace

BUDGET = 8.0
LOG = logging.getLogger("fhir_server.federation")


async def _as_it_is(answer: SourceAnswer) -> Taken:
    return Taken(answer, {})


async def _nothing(_: Taken) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Taking:
    """What is done with an answer as soon as it is there: ``make`` once, ``show`` by everybody who asked.

    ``client`` is whom it is made for: who asks about somebody else asks another question.
    """

    client: str = ""
    make: Callable[[SourceAnswer], Awaitable[Taken]] = _as_it_is
    show: Callable[[Taken], Awaitable[None]] = _nothing


AS_IT_IS = Taking()


async def ask(
    plan: Plan,
    query: SourceQuery,
    transports: Mapping[str, Sender],
    budget: float = BUDGET,
    trace: Trace = NO_TRACE,
    taking: Taking = AS_IT_IS,
    asking: Asking | None = None,
) -> tuple[Answer, ...]:
    """Carry out ``plan``: one answer or fault per step, in the order of the plan, within ``budget`` seconds.

    ``query`` is the question without its type; the message to the n-th source is called ``request_id`` + "." + n. What was asked
    before in ``asking`` is not asked again. What is not there when a source's time is up is cancelled, and its connection closed.
    ``trace`` goes along with every call. Each answer is taken within the time of its source.
    """
    questions = (
        replace(query, resource_type=step.type, request_id=f"{query.request_id}.{number}") for number, step in enumerate(plan, 1)
    )
    once = asking or Asking()
    asked = [
        _Question(
            step, each, Channel(transports[step.source.name], trace, each.request_id, once, _place(step, taking)), taking, once
        )
        for step, each in zip(plan, questions, strict=True)
    ]
    return tuple(await asyncio.gather(*(each.answered(min(each.step.source.budget, budget)) for each in asked)))


@dataclass(frozen=True, slots=True)
class _Question:
    """One question to one source, among those that are asked in one request (``asking``)."""

    step: Step
    query: SourceQuery
    channel: Channel
    taking: Taking
    asking: Asking

    async def answered(self, seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                about = _place(self.step, self.taking), self.step.adapter.question(self.query)
                taken = await self.asking.once(about, lambda: self._asked(seconds))
                if isinstance(taken.answer, SourceAnswer):
                    await self.taking.show(taken)
                return taken.answer
        except Exception as error:  # noqa: BLE001 - a defect of one adapter must not cost the answers of the others
            return self._fault(error)

    async def _asked(self, seconds: float) -> Taken:
        """Ask, whoever else waits for the answer: what goes wrong went wrong for all of them."""
        try:
            async with asyncio.timeout(seconds):
                translation = await self.step.adapter.search(self.query, self.step.source, self.channel)
                taken = await self.taking.make(SourceAnswer(self.step.source, self.query.request_id, translation))
        except Exception as error:  # noqa: BLE001 - the same
            return Taken(self._fault(error), {})
        self.asking.hold(taken.merged)
        return taken

    def _fault(self, error: Exception) -> SourceFault:
        source = self.step.source
        match error:
            case TimeoutError():
                LOG.warning("source %s: no answer within its time", source.name)
                return SourceFault(source, "timeout")
            case SourceError():
                LOG.warning("source %s: %s: %s", source.name, error.fault, error.text)
                return SourceFault(source, error.fault)
            case _:
                LOG.error("source %s: adapter %s failed with %s", source.name, source.adapter, _where(error))  # values stay out
                return SourceFault(source, "structure")


def _where(error: Exception) -> str:
    """Say which kind of error it was and where, without its text: that may quote patient data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.name}:{frame.lineno}"


def _place(step: Step, taking: Taking) -> tuple[str, str]:
    """Return whom is asked about whom."""
    return step.source.name, taking.client
