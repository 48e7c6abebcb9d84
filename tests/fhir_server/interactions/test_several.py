"""One page out of those of several types: page by page everything, each once, and little more read than is shown."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.interactions.several import Fetch, merged
from fhir_server.storage.repository import Page, Stored


class Table:
    """The resources of one type, and how many of them were read."""

    def __init__(self, stored: list[Stored]) -> None:
        self.stored = stored
        self.read = 0
        self.asked = 0

    def fetch(self, after: Stored | None, *, descending: bool) -> Fetch:
        async def from_(last: Stored | None, count: int) -> Page:
            rest = sorted(self.stored, key=place, reverse=descending)
            if begin := last or after:
                rest = [each for each in rest if (place(each) < place(begin) if descending else place(each) > place(begin))]
            self.asked += 1
            self.read += len(rest[:count])
            return Page(rest[:count], more=len(rest) > count)

        return from_


def place(stored: Stored) -> tuple[int, ...]:
    return stored.updated, stored.row


def stored(row: int, updated: int) -> Stored:
    return Stored(row, "Task", str(row), 1, updated, deleted=False, visible=True, body=b"{}")


async def pages(tables: list[Table], count: int, *, descending: bool) -> list[Stored]:
    found: list[Stored] = []
    while True:
        after = found[-1] if found else None
        page = await merged([each.fetch(after, descending=descending) for each in tables], count, place, descending=descending)
        assert len(page.resources) <= count
        assert len(page.resources) == count or not page.more
        found += page.resources
        if not page.more:
            return found


@given(
    updates=st.lists(st.lists(st.integers(0, 5), max_size=25), min_size=1, max_size=5),
    count=st.integers(1, 30),
    descending=st.booleans(),
)
def test_the_pages_are_everything_in_order(updates: list[list[int]], count: int, descending: bool) -> None:  # noqa: FBT001
    rows = iter(range(1_000))
    tables = [Table([stored(next(rows), each) for each in times]) for times in updates]
    expected = sorted((each for table in tables for each in table.stored), key=place, reverse=descending)
    assert asyncio.run(pages(tables, count, descending=descending)) == expected


@pytest.mark.parametrize(("types", "count", "most"), [(1, 20, 20), (26, 20, 26 * 8), (20, 1_000, 3_000)])
def test_little_more_is_read_than_is_shown(types: int, count: int, most: int) -> None:
    tables = [Table([stored(number * types + type_, number) for number in range(1_000)]) for type_ in range(types)]
    fetches = [table.fetch(None, descending=True) for table in tables]
    page = asyncio.run(merged(fetches, count, place))
    assert (len(page.resources), page.more) == (count, True)
    assert sum(table.read for table in tables) <= most
    assert types > 1 or tables[0].asked == 1


def test_nothing_at_all() -> None:
    assert asyncio.run(merged([], 20, place)) == Page([], more=False)
    assert asyncio.run(merged([Table([]).fetch(None, descending=True)], 20, place)) == Page([], more=False)
