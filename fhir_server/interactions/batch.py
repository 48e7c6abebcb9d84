"""The batch interaction: every entry alone (https://hl7.org/fhir/R4/http.html#brules)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from fhir_server.audit.record import row
from fhir_server.errors import FhirError, TooCostly
from fhir_server.interactions import bundle_answer
from fhir_server.interactions.asking_once import let_go_of_much
from fhir_server.interactions.bundle_entries import Item, call_of, placed
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.failure import answer_of, answered
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.recorded import recorded

LARGEST_ANSWER: Final = 50_000_000
"""Bytes; entries that would come after so much are not carried out."""


async def batch(outer: Call, items: Sequence[Item]) -> Answer:
    """Carry out the entries one after the other, in the order given, whatever becomes of each; 200 with their answers.

    Each leaves a line of its own in the record.
    """
    entries: list[bytes] = []
    size = 0
    for item in items:
        entries.append(await _entry(outer, item, size))
        size += len(entries[-1])
        await let_go_of_much(outer)
    return Answer(200, bundle_answer.bundle("batch", entries))


async def _entry(outer: Call, item: Item, size: int) -> bytes:
    try:
        with placed(item):
            call = call_of(outer, item)
    except FhirError as error:
        answer = answer_of(error)
        unknown = row(outer.actor, "unknown", answer.status, outer.now, outer.request, origin=outer.origin)
        await outer.services.repository.record(unknown)
        return bundle_answer.entry(answer)
    return await carried_out(call, size)


async def carried_out(call: Call, size: int) -> bytes:
    """Carry out ``call`` with a line in the record of its own, and return its entry of the answer; its failure is an answer too.

    ``size`` are the bytes of the answers so far.
    """
    await asyncio.sleep(0)  # others are served between two entries
    return await told(call, await answered(_refused() if size > LARGEST_ANSWER else HANDLERS[call.interaction](call), call.request))


async def told(call: Call, answer: Answer) -> bytes:
    """Return the entry of the ``answer`` to ``call``, of which there is a line in the record."""
    if not answer.recorded:
        await call.services.repository.record(await recorded(call, answer))
    return bundle_answer.entry(answer)


async def _refused() -> Answer:
    raise TooCostly("The answer to this Bundle is too large. Send the rest of it in a Bundle of its own.")
