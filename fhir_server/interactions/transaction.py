"""The transaction interaction: all writes or none (https://hl7.org/fhir/R4/http.html#trules)."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final

from fhir_server.errors import BadRequest, FhirError, Forbidden
from fhir_server.interactions import bundle_answer, consequences, create, delete, patch, update
from fhir_server.interactions.anew import anew
from fhir_server.interactions.batch import carried_out, told
from fhir_server.interactions.bundle_entries import Item, call_of, expression_at, placed
from fhir_server.interactions.bundle_identities import Step, identified
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.in_turns import in_turns
from fhir_server.interactions.integrity import dangling, missing_places, still_referred
from fhir_server.interactions.recorded import line
from fhir_server.interactions.transaction_reads import Known, tried
from fhir_server.interactions.write import Write, in_dossiers
from fhir_server.storage.integrity import Dangling, StillReferred
from fhir_server.storage.repository import AuditRow, Doubled, Grant, OutOfGrant

_OTHERS: Final = "Others are changing the same resources at the same moment. Send the Bundle again."
_ORDER: Final = {"delete": 0, "create": 1, "update": 2, "patch": 2}
"""The order that the specification prescribes; what is in none of these reads, and comes last."""
_PREPARE: Final[Mapping[str, Callable[[Call, Grant, Resolved | None], Awaitable[Write]]]] = {
    "create": create.prepare,
    "delete": delete.prepare,
    "update": update.prepare,
    "patch": patch.prepare,
}


async def transaction(outer: Call, items: Sequence[Item]) -> Answer:
    """Make all writes at once, in the prescribed order, then the reads; 200 with the answers in the order of the entries.

    The first entry that is refused refuses the whole, and nothing is stored; reads are tried before that. A read sees what was
    written. Should it fail only then (somebody deletes at that moment, the answer is too large), its own entry tells that, since
    the writes stand. Raises Conflict when others keep writing the same resources.
    """
    steps = ordered([_step(outer, item) async for item in in_turns(items)])
    writes = [each for each in steps if each.call.interaction in _ORDER]
    reads = [each for each in steps if each.call.interaction not in _ORDER]
    answers, known = await anew(partial(_attempt, outer, writes, reads), _OTHERS)
    entries = {each.item.index: bundle_answer.entry(answer) for each, answer in zip(writes, answers, strict=True)}
    size = sum(map(len, entries.values()))
    for each in reads:
        answered = known.get(each.item.index)
        entries[each.item.index] = await (told(*answered) if answered else carried_out(each.call, size))
        size += len(entries[each.item.index])
    return Answer(200, bundle_answer.bundle("transaction", [entries[item.index] for item in items]), recorded=True)


def _step(outer: Call, item: Item) -> Step:
    with placed(item):
        return Step(item, call_of(outer, item))


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return ``steps`` as they are carried out: deletions, creations, updates, reads, each in the order given."""
    return sorted(steps, key=lambda step: _ORDER.get(step.call.interaction, len(_ORDER)))


async def _attempt(outer: Call, writes: Sequence[Step], reads: Sequence[Step]) -> tuple[list[Answer], Known]:
    """Look up what the entries are about, check them, try the reads, store all. Raises VersionConflict when somebody was first."""
    steps = await identified(writes)
    granted: dict[tuple[str, str], Grant] = {}
    made = [await _prepared(each, granted) async for each in in_turns(steps)]
    try:
        made = await in_dossiers(outer, made)
    except FhirError as error:
        items = (each.item for each in steps if error.about and each.target == error.about)
        with next(map(placed, items), nullcontext()):
            raise
    known = await tried(reads, steps)
    lines = [line(each.call, write.answer) for each, write in zip(steps, made, strict=True)]
    await _commit(outer, steps, made, granted.values(), [*lines, line(outer, Answer(200))])
    return [each.answer for each in made], known


async def _commit(
    outer: Call, steps: Sequence[Step], made: Sequence[Write], granted: Iterable[Grant], lines: Sequence[AuditRow]
) -> None:
    changes = [each.change for each in made if each.change is not None]
    unmatched = [criteria for each in made for criteria in each.unmatched]
    grants = outer.services.gate.together(granted)
    try:
        await consequences.commit(outer, grants, changes, lines, unmatched)
    except OutOfGrant as error:
        text = "One of the resources would lie outside the dossiers that you take part in. Nothing was stored."
        raise Forbidden(text, expression=steps[0].item.place if len(steps) == 1 else "Bundle.entry") from error
    except Doubled as error:
        text = "Two entries make resources that match the criteria of one. Put them in one entry."
        raise BadRequest(text, expression="Bundle.entry", detail="duplicate-identity") from error
    except Dangling as error:
        raise dangling(_places(outer, steps, made, error.missing)) from error
    except StillReferred as error:
        with placed(next(each.item for each in steps if each.target == error.target)):
            raise await still_referred(outer, error) from error


def _places(outer: Call, steps: Sequence[Step], made: Sequence[Write], missing: Collection[str]) -> list[str]:
    return [
        expression_at(step.item.place, each)
        for step, write in zip(steps, made, strict=True)
        if write.change is not None
        for each in missing_places(write.change, missing, outer.services.base)
    ]


async def _prepared(step: Step, granted: dict[tuple[str, str], Grant]) -> Write:
    call = step.call
    with placed(step.item):
        key = (call.interaction, call.type)
        if key not in granted:
            granted[key] = call.services.gate.grant(call.actor, *key)
        return await _PREPARE[call.interaction](call, granted[key], step.known)
