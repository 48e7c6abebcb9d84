"""Time-outs of questions with several processes, one of which is killed: each question moves once, whoever makes the rounds."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dossier_room import CLIENT, DOCTOR, NETWORK, NURSE, person, ref
from engines import PostgresServer
from flows.client import Client
from flows.served import Served, served
from ladder_room import CANONICAL, QUESTION, SCT, ladder, network
from record_check import lines

KILLS = int(os.environ.get("KILLS", "2"))
QUESTIONS = 8
LADDER = "https://example.org/PlanDefinition/quick"
LEVELS = {NURSE: (SCT, "224535009"), DOCTOR: (SCT, "62247001")}
_numbers = count()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/hub.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create(f"time_outs_{next(_numbers)}", "template1")


def quick() -> dict[str, Any]:
    """Return a ladder of two levels, on each of which a question has one second."""
    made = ladder(LADDER, [("nursing", LEVELS[NURSE], 1), ("gp", LEVELS[DOCTOR], 1)])
    for level in made["action"]:
        level["extension"][0]["extension"][1]["valueDuration"] |= {"value": 1, "code": "s"}
    return made


def asked(client: Client) -> list[str]:
    """Make the network, and ask it questions; return them."""
    for each in (person(CLIENT), person(NURSE), person(DOCTOR), quick()):
        assert client.put(each).status == 201
    named = {"url": f"{CANONICAL}/StructureDefinition/network-ladder", "valueCanonical": LADDER}
    assert client.put(network(LEVELS, extension=[named])).status == 201
    thread = {
        "resourceType": "CommunicationRequest",
        "status": "active",
        "subject": ref(CLIENT),
        "requester": ref(CLIENT),
        "recipient": [ref(NETWORK)],
        "category": [QUESTION],
        "payload": [{"contentString": "question"}],
    }
    made = [client.post(thread) for _ in range(QUESTIONS)]
    assert {each.status for each in made} == {201}
    return [f"CommunicationRequest/{each.json['id']}" for each in made]


def steps(question: dict[str, Any]) -> list[str]:
    """Return the reason of each step, and that nobody answers."""
    state = next(each for each in question["extension"] if each["url"].endswith("/question"))["extension"]
    parts = [each["extension"] for each in state if each["url"] == "step"]
    found = [one["valueCoding"]["code"] for each in parts for one in each if one["url"] == "reason"]
    return found + [each["url"] for each in state if each["url"] == "unanswered"]


@pytest.fixture
def hubs(database: str, tmp_path: Path) -> Iterator[list[Served]]:
    """Serve with two processes on PostgreSQL, with the one that there can be on SQLite."""
    settings = {"FHIR_SERVER_DATABASE_URL": database, "FHIR_SERVER_ROUND_INTERVAL": "0.05"}
    with ExitStack() as stack:
        yield [stack.enter_context(served(tmp_path, **settings)) for _ in range(2 if database.startswith("postgresql") else 1)]


def test_each_time_out_counts_once(hubs: list[Served], database: str) -> None:
    last = hubs[-1]
    client = last.client()
    questions = asked(client)
    for kill in range(KILLS):
        time.sleep(0.6)
        hub = hubs[kill % len(hubs)]
        hub.end(signal.SIGKILL)
        hub.start()
    until = time.monotonic() + 60
    wanted = ["asked", "time-out", "unanswered"]
    while True:
        found = [steps(client.get(each).json) for each in questions]
        if all(each[-1:] == ["unanswered"] for each in found):
            break
        assert time.monotonic() < until, found
        time.sleep(0.05)
    time.sleep(0.3)  # some rounds more
    assert [steps(client.get(each).json) for each in questions] == [wanted] * QUESTIONS
    for each in questions:
        origins = client.get(f"Provenance?target={each}").resources
        assert sorted(one["activity"]["coding"][0]["code"] for one in origins) == sorted(wanted)
        tasks = client.get(f"Task?based-on={each}&code=answer-question").resources
        assert len(tasks) == 2, "one for each level"
    moved = [each.id for each in lines(database) if each.interaction == "$escalate"]
    assert sorted(moved) == sorted(2 * [each.partition("/")[2] for each in questions]), "each in the record once"
