"""The pages out of two places, one after the other, are the list that both together make."""

from typing import Any

from fake_sources import at_once
from hypothesis import given
from hypothesis import strategies as st
from sources_room import measured

from adapters.contract import Source
from fhir_server.catalog.catalog import load
from fhir_server.federation.merge import Merged
from fhir_server.federation.select import matches
from fhir_server.interactions.both_page import page_of
from fhir_server.interactions.read_page import Read
from fhir_server.search.order import in_order, places
from fhir_server.search.paging import Position
from fhir_server.search.sorting import sort as sorting
from fhir_server.search.tree import Everything, Query, Snapshot
from fhir_server.storage.repository import Stored

OBSERVATION = load().types["Observation"]
things = st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ab")), max_size=6)


def thing(id_: str, at: int, code: str) -> Any:
    return measured(id_, f"2026-01-0{at}", code=code)


@given(
    own=things,
    linde=things,
    wijk=things,
    order=st.sampled_from(["date", "-date", "code,-date", "-code", "_id"]),
    size=st.integers(1, 5),
    faulty=st.booleans(),
)
def test_the_pages_are_the_list(
    own: list[tuple[int, str]], linde: list[tuple[int, str]], wijk: list[tuple[int, str]], order: str, size: int, *, faulty: bool
) -> None:
    sort = sorting(OBSERVATION, order)
    key = in_order(sort)
    kept = []
    for row, each in enumerate(own, 1):
        first, *then = places(thing(f"o{row}", *each), sort, OBSERVATION)
        kept.append(
            Stored(row, "Observation", f"o{row}", 1, 0, deleted=False, visible=True, body=b"", sort=first, then=tuple(then))
        )
    kept.sort(key=lambda each: key((each.cursor.values, each.row)))
    held_there = []
    for name, held in (("linde", linde), ("wijk", wijk)):
        source = Source(name, "any", "", ())
        held_there += [Merged(thing(f"{name}{number}", *each), source) for number, each in enumerate(held)]
    held_there.sort(key=lambda each: (each.source.name, each.id))
    hits = at_once(matches(held_there, "Observation", lambda _: True, lambda each: places(each.resource, sort, OBSERVATION), sort))

    shown, position, asked = list[str](), None, True
    for _ in range(20):
        query = Query("Observation", Everything(), sort, size)
        rest = kept if position is None or position.cursor.row < 0 else kept[_after(kept, position.cursor.row) :]
        read = Read(rest[:size], rest[size - 1].cursor if len(rest) > size else None, Snapshot(0))
        page = page_of(query, read, hits if asked else (), position, again=faulty and asked)
        assert len(page.shown) <= size
        shown += [each.id for each in page.shown]
        if page.left is None:
            break
        assert len(page.shown) == size
        position = Position("", (), page.left.cursor, None, None, page.left.beside)
        asked = page.left.beside is not None
        assert asked or not faulty
    values = {each.id: each.cursor.values for each in kept} | {
        each.id: places(each.resource, sort, OBSERVATION) for each in held_there
    }
    together = [*kept, *held_there]
    together.sort(key=lambda each: key((values[each.id], 0)))
    assert shown == [each.id for each in together]


def _after(kept: list[Stored], row: int) -> int:
    return next(number for number, each in enumerate(kept, 1) if each.row == row)
