"""The transaction interaction: all writes or none (https://hl7.org/fhir/R4/http.html#trules)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.errors import BadRequest, Conflict, Forbidden
from fhir_server.interactions import bundle_answer, create, delete, patch, update
from fhir_server.interactions.batch import carried_out
from fhir_server.interactions.bundle_entries import Item, call_of, give_body, placed
from fhir_server.interactions.bundle_references import Links
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.write import Write, line
from fhir_server.storage.repository import Grant, OutOfGrant, VersionConflict

_ATTEMPTS = 5
_ORDER: Final = {"delete": 0, "create": 1, "update": 2, "patch": 2}
"""The order that the specification prescribes; what is in none of these reads, and comes last."""
_PREPARE: Final[Mapping[str, Callable[[Call, Grant], Awaitable[Write]]]] = {
    "delete": delete.prepare,
    "update": update.prepare,
    "patch": patch.prepare,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry and its request."""

    item: Item
    call: Call

    @property
    def writes(self) -> bool:
        """Whether the request changes something."""
        return self.call.interaction in _ORDER


async def transaction(outer: Call, items: Sequence[Item]) -> Answer:
    """Make all writes at once, in the prescribed order, then the reads; 200 with the answers in the order of the entries.

    The first write that is refused refuses the whole, and nothing is stored. A read sees what was written, and when it fails that
    is told in its own entry: the writes stand by then. Raises Conflict when others keep writing the same resources.
    """
    steps = ordered([_step(outer, item) for item in items])
    writes, reads = [each for each in steps if each.writes], [each for each in steps if not each.writes]
    linked(writes)
    answers = await _written(outer, writes)
    entries = {each.item.index: bundle_answer.entry(answer) for each, answer in zip(writes, answers, strict=True)}
    size = sum(map(len, entries.values()))
    for each in reads:
        entries[each.item.index] = await carried_out(each.call, size)
        size += len(entries[each.item.index])
    return Answer(200, bundle_answer.bundle("transaction", [entries[item.index] for item in items]), recorded=True)


def _step(outer: Call, item: Item) -> Step:
    with placed(item):
        call = call_of(outer, item)
        if call.interaction == "create":
            call.id = outer.services.new_id()
        return Step(item, call)


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return ``steps`` as they are carried out: deletions, creations, updates, reads, each in the order given."""
    return sorted(steps, key=lambda step: _ORDER.get(step.call.interaction, len(_ORDER)))


def linked(writes: Sequence[Step]) -> None:
    """Replace what refers to another entry's fullUrl; raises BadRequest when two write the same resource."""
    seen: set[str] = set()
    for each in writes:
        with placed(each.item):
            identity = f"{each.call.type}/{each.call.id}"
            if identity in seen:
                raise BadRequest("Another entry writes the same resource. Put it in one entry.", detail="duplicate-identity")
            seen.add(identity)
    kept = [each for each in writes if each.call.interaction != "delete" and each.item.full_url]
    links = Links({each.item.full_url: f"{each.call.type}/{each.call.id}" for each in kept})
    for each in writes:
        if each.item.resource is not None:
            with placed(each.item):
                give_body(each.call, links.resolve(each.item.resource, each.item.full_url))


async def _written(outer: Call, steps: Sequence[Step]) -> list[Answer]:
    for _ in range(_ATTEMPTS):
        try:
            return await _attempt(outer, steps)
        except VersionConflict:
            continue
    raise Conflict("Others are changing the same resources at the same moment. Send the Bundle again.")


async def _attempt(outer: Call, steps: Sequence[Step]) -> list[Answer]:
    granted: dict[tuple[str, str], Grant] = {}
    made = [await _prepared(each, granted) for each in steps]
    changes = [each.change for each in made if each.change is not None]
    lines = [line(each.call, write.answer) for each, write in zip(steps, made, strict=True)]
    grants = outer.services.gate.together(granted.values())
    try:
        await outer.services.repository.commit(grants, changes, [*lines, line(outer, Answer(200))])
    except OutOfGrant as error:
        text = "One of the resources would lie outside the dossiers that you take part in. Nothing was stored."
        raise Forbidden(text, expression=steps[0].item.place if len(steps) == 1 else "Bundle.entry") from error
    await outer.services.parameters.follow(changes)
    return [each.answer for each in made]


async def _prepared(step: Step, granted: dict[tuple[str, str], Grant]) -> Write:
    call = step.call
    await asyncio.sleep(0)  # others are served between two entries
    with placed(step.item):
        key = (call.interaction, call.type)
        if key not in granted:
            granted[key] = call.services.gate.grant(call.actor, *key)
        if call.interaction == "create":
            return create.prepare(call, call.id)
        return await _PREPARE[call.interaction](call, granted[key])
