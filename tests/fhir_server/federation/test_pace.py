"""Long work gives the event loop back: counted in units of work, not in time."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from fake_sources import at_once, declared
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Resource, Translation
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Pace, Steps, as_list, emptied, in_order
from fhir_server.federation.taken import bounded, taken
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.search.order import compare, sortable
from fhir_server.search.tree import Sort

UNIT = 0.001
MANY = 200


@dataclass
class Clock:
    """Moves on by a unit each time that it is looked at; ``turns`` are the others' turns so far."""

    now: float = 0.0
    turns: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.now += UNIT
        return self.now

    async def waiting(self) -> None:
        """Take a turn whenever the loop is given back."""
        while True:
            self.turns.append(self.now)
            await asyncio.sleep(0)


def worked(pace: Pace, clock: Clock, work: Steps[object]) -> float:
    """Carry out ``work`` beside somebody who waits; return the longest time without a turn for the other."""

    async def both() -> None:
        other = asyncio.create_task(clock.waiting())
        await asyncio.sleep(0)
        await pace.through(work)
        await asyncio.sleep(0)
        other.cancel()

    asyncio.run(both())
    return max(after - before for before, after in pairwise(clock.turns))


def test_others_have_their_turn_after_each_slice() -> None:
    clock = Clock()
    assert worked(Pace(clock, 5 * UNIT), clock, as_list(iter(range(MANY)))) < 8 * UNIT
    assert len(clock.turns) > MANY / 6


def test_what_is_begun_after_it_has_a_slice_of_its_own() -> None:
    clock = Clock()
    pace = Pace(clock, 100 * UNIT)

    def short() -> Iterator[None]:
        yield from [None] * 70

    async def one_after_the_other() -> int:
        other = asyncio.create_task(clock.waiting())
        await asyncio.sleep(0)
        for _ in range(3):
            await pace.through(as_list(short()))
        other.cancel()
        return len(clock.turns)

    assert asyncio.run(one_after_the_other()) > 3


def resources(number: int) -> list[Resource]:
    patient: Resource = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:bsn", "value": "1"}]}
    subject = {"reference": "Patient/p"}
    return [patient, *({"resourceType": "Condition", "id": f"c{each}", "subject": subject} for each in range(number))]


def answer(number: int, **options: str) -> SourceAnswer:
    return SourceAnswer(declared(**options), "m", Translation(resources(number), [("urn:bsn", "1")]))


def nothing(_: SourceAnswer) -> Steps[dict[str, Merged]]:
    yield
    return {}


def test_an_answer_is_taken_in_a_unit_for_each_resource_and_step() -> None:
    """Reading, guarding and letting go of a resource are units: whoever makes one of them a single unit is found here."""
    assert sum(1 for _ in taken(answer(MANY), [("urn:bsn", "1")], nothing)) >= 3 * MANY


def test_an_answer_that_was_taken_holds_no_resources() -> None:
    given_ = answer(3)
    seen: list[object] = []

    def make(found: SourceAnswer) -> Steps[dict[str, Merged]]:
        seen.extend(each["id"] for each in found.translation.resources)
        yield
        return {}

    found = at_once(taken(given_, [("urn:bsn", "1")], make)).answer
    assert isinstance(found, SourceAnswer)
    assert (seen, found.translation.resources, given_.translation.resources) == (["p", "c0", "c1", "c2"], (), [])


@pytest.mark.parametrize(("most", "fault"), [("4", False), ("3", True)])
def test_more_than_a_source_may_give_is_told_and_not_cut(most: str, *, fault: bool) -> None:
    given_ = answer(3, most_resources=most)
    found: Answer = at_once(taken(given_, [("urn:bsn", "1")], nothing)).answer
    assert (found == SourceFault(given_.source, "too-much")) is fault
    assert isinstance(bounded(answer(3)), SourceAnswer)


@given(st.lists(st.tuples(st.integers(-9, 9), st.text("ab", max_size=3)), max_size=500), st.booleans(), st.booleans())
def test_the_order_in_parts_is_the_order_of_the_whole(found: list[tuple[int, str]], first: bool, then: bool) -> None:  # noqa: FBT001 - drawn
    sort = Sort("main", descending=first, then=(Sort("_id", descending=then),))
    made = at_once(in_order(found, sortable(sort)))
    assert made == sorted(found, key=sortable(sort))
    assert all(compare(sort, (one, 0), (other, 0)) <= 0 for one, other in pairwise(made))


def test_sorting_is_done_in_short_units() -> None:
    compared = [0]
    longest = [0]

    class Counted(int):
        def __lt__(self, other: int) -> bool:
            compared[0] += 1
            return int.__lt__(self, other)

    steps = in_order([Counted(each * 7919 % 10_007) for each in range(10_000)], lambda each: each)
    for _ in steps:
        longest[0], compared[0] = max(longest[0], compared[0]), 0
    assert longest[0] < 2_000


def test_letting_go_is_done_one_by_one() -> None:
    held, named = [1, 2, 3], {"a": 1}
    assert sum(1 for _ in emptied(held, named)) == 4
    assert (held, named) == ([], {})


def test_there_is_no_full_collection_as_long_as_anybody_holds_an_answer() -> None:
    usual = gc.get_threshold()
    seen = []

    @undisturbed
    async def inner() -> None:
        seen.append(gc.get_threshold()[2])
        raise LookupError

    @undisturbed
    async def outer() -> None:
        with pytest.raises(LookupError):
            await inner()
        seen.append(gc.get_threshold()[2])

    asyncio.run(outer())
    assert min(seen) > 100_000
    assert gc.get_threshold() == usual
