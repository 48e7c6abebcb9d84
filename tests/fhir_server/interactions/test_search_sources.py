"""A search of a type that is at the sources only: in pages, none of which has more than was asked for."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dossier_room import CLIENT, DOCTOR, SYSTEM, Room, room
from sources_room import LOCAL, Adapter, Asking, federation, furnish, ids

from adapters.contract import Source
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import BadRequest, Forbidden, SourcesTimedOut
from fhir_server.federation.merge import Merged
from fhir_server.federation.pace import Pace
from fhir_server.interactions.ask_sources import Asked
from fhir_server.interactions.search_sources import matching
from fhir_server.search.tree import Everything, Query

TYPES = ("Condition",)
MINE = f"Condition?patient={CLIENT}"
COMPLETENESS = "Federation-Completeness"
HELD = {"linde": 14, "wijk": 11}
SOME = 4
MANY = 300


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("sources"), "") as found:
        furnish(found)
        yield found


@pytest.fixture
def ask(hub: Room) -> Asking:
    held = {name: [condition(f"{name}{each}", each % SOME) for each in range(number)] for name, number in HELD.items()}
    return Asking(hub, Adapter(held), TYPES)


def condition(id_: str, day: int) -> dict[str, Any]:
    text = {"text": id_}
    return {
        "resourceType": "Condition",
        "id": id_,
        "code": text,
        "subject": {"reference": LOCAL},
        "onsetDateTime": f"2026-01-1{day}",
    }


@pytest.mark.parametrize("sort", ["", "&_sort=onset-date", "&_sort=-onset-date,_id", "&_sort=_id"])
@pytest.mark.parametrize("size", [1, 7, 25])
def test_the_pages_are_the_list(ask: Asking, sort: str, size: int) -> None:
    whole = ids(ask.bundle(SYSTEM, f"{MINE}{sort}&_count=100"))
    assert len(set(whole)) == sum(HELD.values())
    pages = ask.pages(SYSTEM, f"{MINE}{sort}&_count={size}")
    assert [each for page in pages for each in ids(page)] == whole
    assert all(len(ids(page)) == size for page in pages[:-1])
    assert {page["total"] for page in pages} == {len(whole)}


def test_a_page_has_twenty_when_nothing_is_said(ask: Asking) -> None:
    assert [len(ids(page)) for page in ask.pages(SYSTEM, MINE)] == [20, 5]
    assert [len(ids(page)) for page in ask.pages(SYSTEM, f"{MINE}&_count=0")] == [0]


def test_a_source_that_is_missing_later_is_told_there(ask: Asking) -> None:
    first = ask.bundle(SYSTEM, f"{MINE}&_count=5&_sort=_id")
    ask.adapter.faults = {"linde": "unreachable"}
    pages = ask.pages(SYSTEM, f"Condition?{first['link'][1]['url'].partition('?')[2]}")
    assert ["total" in page for page in (first, *pages)] == [True, *[False] * len(pages)]
    assert all(page["entry"][0]["search"]["mode"] == "outcome" for page in pages)
    assert len({each for page in pages for each in ids(page)}) <= HELD["wijk"]
    assert dict(ask.calls[-1][1].headers)[COMPLETENESS] == "partial"


def test_a_page_is_its_callers_alone(ask: Asking) -> None:
    link = ask.bundle(SYSTEM, f"{MINE}&_count=5")["link"][1]["url"].partition("?")[2]
    with pytest.raises(Forbidden, match="another caller"):
        ask(DOCTOR, f"Condition?{link}")
    with pytest.raises(BadRequest, match="none that this server gave"):
        ask(SYSTEM, f"Condition?{link[:-8]}AAAAAAAA")


def test_others_are_served_while_a_large_answer_is_worked_on(hub: Room) -> None:
    """Six steps for each resource (form, person, two of merging, consent, match) and three of letting it go, each a unit."""
    held = {"linde": [condition(f"c{each}", each % SOME) for each in range(MANY)]}
    assert len(ids(Asking(hub, Adapter(held), TYPES).bundle(SYSTEM, f"{MINE}&_count=7"))) == 7
    assert Asking(hub, Adapter(held), TYPES, pace=Pace(slice_=0)).turns(SYSTEM, f"{MINE}&_count=7") >= 9 * MANY


def test_what_cannot_be_put_in_order_in_time_is_an_error(hub: Room, ask: Asking) -> None:
    ask(SYSTEM, MINE)
    call = ask.calls[-1][0]
    call = replace(call, services=replace(call.services, federation=federation(ask.adapter, TYPES, Pace(slice_=0))))
    merged = {f"Condition/{each}": Merged(condition(str(each), 1), Source("linde", "any", "", ())) for each in range(SOME)}

    async def late(budget: float) -> int:
        until = asyncio.get_running_loop().time() + budget
        return len(await matching(call, Query("Condition", Everything()), Asked(merged=merged, until=until)))

    assert hub.runner.run(late(60)) == SOME
    with pytest.raises(SourcesTimedOut, match="in time"):
        hub.runner.run(late(-1))


def test_what_is_kept_here_comes_along_as_far_as_the_caller_sees_it(ask: Asking) -> None:
    query = f"{MINE}&_count=2&_include=Condition:subject"
    page = ask.bundle(SYSTEM, query)
    assert (len(ids(page)), ids(page, "include")) == (2, ["client"])
    assert ask.line().dossier == CLIENT
    narrow = replace(SYSTEM, scopes=parse_scopes("system/Condition.rs"))
    assert ids(ask.bundle(narrow, query), "include") == []
