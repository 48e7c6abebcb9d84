"""A search of a type that is kept here and at the sources: the own store is one more source, in one list and one order."""

from collections.abc import Iterator
from itertools import count

import pytest
from dossier_room import CLIENT, SYSTEM, Room, room
from engines import PostgresServer
from sources_room import LOCAL, Adapter, Asking, furnish, ids, measured, times

_numbers = count()
OWN = ["2026-01-0%d" % day for day in (1, 3, 5, 7)]
THEIRS = {"linde": ["2026-01-02", "2026-01-06"], "wijk": ["2026-01-04"]}
ALL = sorted([*OWN, *THEIRS["linde"], *THEIRS["wijk"]], reverse=True)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"both_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("both"), database) as found:
        furnish(found)
        for number, at in enumerate(OWN):
            found.write(SYSTEM, measured(f"own{number}", at))
        yield found


@pytest.fixture
def ask(hub: Room) -> Asking:
    held = {name: [measured(f"{name}{at[-1]}", at, of=LOCAL) for at in moments] for name, moments in THEIRS.items()}
    return Asking(hub, Adapter(held))


def test_one_list(ask: Asking) -> None:
    found = ask.bundle(SYSTEM, f"Observation?patient={CLIENT}")
    assert times(found) == ALL
    assert found["total"] == len(ALL)
    assert {each for each in ids(found) if len(each) < 64} == {"own0", "own1", "own2", "own3"}
    assert {each["resource"]["subject"]["reference"] for each in found["entry"]} == {CLIENT}
    assert dict(ask.calls[-1][1].headers) == {"Federation-Completeness": "complete"}
