"""Questions to the ladder of a network, as the store has them: at one level at a time, up one level at a time."""

from collections.abc import Iterator
from itertools import count

import pytest
from dossier_room import DAUGHTER, SYSTEM
from engines import PostgresServer
from ladder_room import COORDINATOR, HOUR, ROLES, LadderRoom, ladder_room, network

_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LadderRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"ladder_{next(_numbers)}", "template1")
    with ladder_room(tmp_path_factory.mktemp("ladder"), database) as found:
        yield found


@pytest.fixture
def hub(opened: LadderRoom) -> Iterator[LadderRoom]:
    yield opened
    opened.hub.write(SYSTEM, network(ROLES))


def test_a_question_goes_to_the_lowest_level_and_up_one_by_one_until_it_is_answered(hub: LadderRoom) -> None:
    question = hub.ask()
    assert hub.way(question) == [("informal", "asked")]
    hub.operate(DAUGHTER, question, "escalate", reason="I do not know")
    hub.later(25 * HOUR)
    assert hub.way(question) == [("informal", "asked"), ("home-care", "cannot-answer"), ("coordinator", "time-out")]
    hub.operate(COORDINATOR, question, "answer", payload="Like this")
    assert hub.question(question)["state"] == "answered"
    assert [each["status"] for each in hub.step_tasks(question)] == ["rejected", "failed", "completed"]
