"""Asks every source of a plan at the same time, none of them for longer than its budget."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from adapters.contract import SourceError, SourceQuery, Transport
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.plan import Plan, Step
from fhir_server.federation.traced import NO_TRACE, Trace, traced

BUDGET = 8.0
LOG = logging.getLogger("fhir_server.federation")
Take = Callable[[SourceAnswer], Awaitable[Answer]]
"""What is done with an answer as soon as it is there, and what it comes to."""


async def as_it_is(answer: SourceAnswer) -> Answer:
    """Take ``answer`` without looking at it."""
    return answer


async def ask(
    plan: Plan,
    query: SourceQuery,
    transports: Mapping[str, Transport],
    budget: float = BUDGET,
    trace: Trace = NO_TRACE,
    take: Take = as_it_is,
) -> tuple[Answer, ...]:
    """Carry out ``plan``: one answer or fault per step, in the order of the plan, within ``budget`` seconds.

    ``query`` is the question without its type; the message to the n-th source is called ``request_id`` + "." + n. What is not
    there when a source's time is up is cancelled, and its connection closed. ``trace`` goes along with every call. Each answer is
    taken (``take``) within the time of its source.
    """
    questions = (
        replace(query, resource_type=step.type, request_id=f"{query.request_id}.{number}") for number, step in enumerate(plan, 1)
    )
    asked = [
        (step, each, traced(transports[step.source.name], trace, each.request_id))
        for step, each in zip(plan, questions, strict=True)
    ]
    return tuple(await asyncio.gather(*(_ask(*each, budget, take) for each in asked)))


async def _ask(step: Step, query: SourceQuery, transport: Transport, budget: float, take: Take) -> Answer:
    source = step.source
    try:
        async with asyncio.timeout(min(source.budget, budget)):
            translation = await step.adapter.search(query, source, transport)
            return await take(SourceAnswer(source, query.request_id, translation))
    except TimeoutError:
        LOG.warning("source %s: no answer within its time", source.name)
        return SourceFault(source, "timeout")
    except SourceError as error:
        LOG.warning("source %s: %s: %s", source.name, error.fault, error.text)
        return SourceFault(source, error.fault)
    except Exception as error:  # noqa: BLE001 - a defect of one adapter must not cost the answers of the others
        LOG.error("source %s: adapter %s failed with %s", source.name, source.adapter, _place(error))  # noqa: TRY400 - values stay out
        return SourceFault(source, "structure")


def _place(error: Exception) -> str:
    """Say which kind of error it was and where, without its text: that may quote patient data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.name}:{frame.lineno}"
