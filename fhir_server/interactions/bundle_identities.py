"""Which resource each write of a transaction is about, found out before anything is written.

Criteria are looked up in the store as it was, under the caller's grant; what creates gets its id. No two entries may be about the
same resource (https://hl7.org/fhir/R4/http.html#trules), nor have the same criteria, which would come to the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.errors import BadRequest
from fhir_server.interactions import conditional, update
from fhir_server.interactions.bundle_entries import Item, give_body, placed
from fhir_server.interactions.bundle_references import Links, match
from fhir_server.interactions.bundle_references import conditional as conditional_references
from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.in_turns import in_turns
from fhir_server.storage.matching import identity


@dataclass(frozen=True, slots=True)
class Step:
    """One entry and its request; ``known`` is what its criteria came to, None when it has none."""

    item: Item
    call: Call
    known: Resolved | None = None

    @property
    def target(self) -> str:
        """The resource that it is about ("Type/id"), "" when there is none."""
        return f"{self.call.type}/{self.call.id}" if self.call.id else ""

    @property
    def is_there(self) -> bool:
        """Whether it is a creation for which a resource was found: what it holds is not used."""
        return self.call.interaction == "create" and self.known is not None and self.known.found is not None


async def identified(writes: Sequence[Step]) -> list[Step]:
    """Return ``writes`` with their ids and links; raises BadRequest for doubles, PreconditionFailed for several or no matches."""
    steps = [await _identified(each) for each in writes]
    _refuse_doubles(steps)
    await _link(steps)
    return steps


async def _identified(step: Step) -> Step:
    call = step.call
    with placed(step.item):
        known = await conditional.resolved(call) if conditional.is_conditional(call) else None
        id_ = call.id
        if known is not None and known.found is not None:
            id_ = known.found.id
        elif call.interaction == "create":
            id_ = call.services.new_id()
        elif known is not None and call.interaction == "update" and step.item.resource is not None:
            id_ = update.new_id(call, step.item.resource.get("id"))
    return Step(step.item, replace(call, id=id_), known)


def _refuse_doubles(steps: Sequence[Step]) -> None:
    targets: set[str] = set()
    criteria: set[int | None] = set()
    for each in steps:
        means = identity(each.known.criteria) if each.known else None
        if each.target in targets or means in criteria:
            text = "Another entry is about the same resource, or has the same criteria. Put it in one entry."
            raise BadRequest(text, expression=each.item.place, detail="duplicate-identity")
        targets |= {each.target} - {""}
        criteria |= {means} - {None}


async def _link(steps: Sequence[Step]) -> None:
    kept = [each for each in steps if each.call.interaction != "delete" and each.item.full_url and each.target]
    targets = {each.item.full_url: each.target for each in kept}
    matched: dict[str, str] = {}
    async for each in in_turns(steps):
        if each.item.resource is None or each.is_there:
            continue
        with placed(each.item):
            for literal in conditional_references(each.item.resource):
                if literal not in matched:
                    matched[literal] = await match(each.call, literal, each.item.resource)
            give_body(each.call, Links(targets, matched).resolve(each.item.resource, each.item.full_url))
