"""Questions to the ladder of a network, as the store has them: at one level at a time, up one level at a time."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from consents import consent, provision
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NEIGHBOUR, NURSE, SYSTEM, WARD, ref
from engines import PostgresServer
from ladder_room import (
    CANONICAL,
    COORDINATOR,
    HOUR,
    MINUTE,
    ROLES,
    SPECIALIST,
    TOPIC,
    LadderRoom,
    gathered,
    ladder,
    ladder_room,
    network,
)

from fhir_server import bootstrap
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions import escalating
from fhir_server.network.ladder import OF_NETWORK
from fhir_server.settings import read_settings
from fhir_server.validation import validate

_numbers = count()
EVERYBODY = (DAUGHTER, NURSE, COORDINATOR, DOCTOR, SPECIALIST)


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


def seen_by(hub: LadderRoom, question: str) -> set[str]:
    """Return who sees the question, and make sure that they see it, and all that belongs to it, on every way or on none."""
    id_ = question.partition("/")[2]
    tasks = [f"Task/{each['id']}" for each in hub.hub.stored("Task") if each["basedOn"][0]["reference"] == question]
    origins = {f"Provenance/{each['id']}" for each in hub.hub.stored("Provenance") if each["target"][0]["reference"] == question}
    assert origins
    assert hub.found(CLIENT, "Provenance", ("target", question)) == origins
    found = set()
    for who in EVERYBODY:
        sees = hub.sees(who, "CommunicationRequest", id_)
        assert hub.found(who, "Provenance", ("target", question)) == (origins if sees else set())
        assert {each for each in origins if hub.sees(who, *each.split("/"))} == (origins if sees else set())
        searched = hub.found(who, "CommunicationRequest", ("_id", id_), ("_revinclude", "Task:based-on"))
        included = hub.found(who, "Task", ("based-on", question), ("_include", "Task:based-on"))
        assert (question in searched) == sees
        assert sees or not (searched | included)
        assert sees or not any(hub.sees(who, *each.split("/")) for each in tasks)
        assert sees or not hub.found(who, "Communication", ("part-of", question))
        found |= {who} if sees else set()
    return found


def test_a_question_goes_to_the_lowest_level_and_up_one_by_one_until_it_is_answered(hub: LadderRoom) -> None:
    question = hub.ask()
    assert hub.way(question) == [("informal", "asked")]
    assert seen_by(hub, question) == {DAUGHTER}
    assert hub.hub.unread(question) == {DAUGHTER}
    hub.operate(DAUGHTER, question, "escalate", reason="I do not know")
    assert hub.way(question)[1:] == [("home-care", "cannot-answer")]
    assert seen_by(hub, question) == {DAUGHTER, NURSE}
    assert hub.hub.unread(question) == {DAUGHTER, NURSE}
    hub.later(25 * HOUR)
    assert hub.way(question)[2:] == [("coordinator", "time-out")]
    assert seen_by(hub, question) == {DAUGHTER, NURSE, COORDINATOR}
    made = json.loads(hub.operate(COORDINATOR, question, "answer", payload="Like this", lay="So").body)
    assert [each["contentString"] for each in made["payload"]] == ["Like this", "So"]
    assert hub.question(question)["state"] == "answered"
    assert hub.question(question)["answered-at"] == 2
    assert CLIENT in hub.hub.unread(question)
    tasks = hub.step_tasks(question)
    assert [each["status"] for each in tasks] == ["rejected", "failed", "completed"]
    assert [each.get("partOf", [{}])[0].get("reference") for each in tasks] == [None, *(f"Task/{each['id']}" for each in tasks[:2])]
    assert tasks[0]["statusReason"]["text"] == "I do not know"
    assert {each["owner"]["reference"] for each in tasks} == {DAUGHTER, NURSE, COORDINATOR}
    hub.later(100 * HOUR)
    assert len(hub.way(question)) == 3
    assert seen_by(hub, question) == {DAUGHTER, NURSE, COORDINATOR}


def test_all_that_the_hub_writes_about_a_question_is_valid(hub: LadderRoom) -> None:
    question = hub.ask(CLIENT, "nursing")
    hub.operate(NURSE, question, "escalate")
    for _ in range(3):
        hub.later(100 * HOUR)
    about = [each for each in hub.hub.stored("Task") if each["basedOn"][0]["reference"] == question]
    origins = [each for each in hub.hub.stored("Provenance") if each["target"][0]["reference"] == question]
    assert len(origins) == 5
    for each in [hub.question(question)["resource"], *about, *origins]:
        assert [issue for issue in validate(each) if issue.severity == "error"] == []


def test_nobody_answers_at_the_highest_level(hub: LadderRoom) -> None:
    question = hub.ask(CLIENT, "acute", priority="stat")
    assert hub.way(question) == [("gp", "emergency")]
    assert seen_by(hub, question) == {DOCTOR}
    hub.later(16 * MINUTE)
    assert hub.way(question)[1:] == [("specialist", "time-out")]
    assert seen_by(hub, question) == {DOCTOR, SPECIALIST}
    hub.later(16 * MINUTE)
    assert len(hub.way(question)) == 2
    assert seen_by(hub, question) == {DOCTOR, SPECIALIST, COORDINATOR}

    def told() -> dict[str, str]:
        tasks = [each for each in hub.hub.stored("Task") if each["basedOn"][0]["reference"] == question and "code" in each]
        tasks = [each for each in tasks if each["code"]["coding"][0]["code"] == "question-unanswered"]
        return {each["owner"]["reference"]: each["status"] for each in tasks}

    assert told() == {COORDINATOR: "requested", CLIENT: "requested"}
    before = hub.step_tasks(question)
    hub.later(100 * HOUR)
    assert hub.step_tasks(question) == before
    hub.operate(SPECIALIST, question, "answer", payload="Sorry")
    assert hub.question(question)["state"] == "answered"
    assert told() == {COORDINATOR: "cancelled", CLIENT: "cancelled"}


def test_empty_levels_are_passed_over_and_the_step_says_so(hub: LadderRoom) -> None:
    hub.hub.write(SYSTEM, network({each: ROLES[each] for each in (DAUGHTER, DOCTOR)}))
    question = hub.ask(DAUGHTER)
    assert hub.way(question) == [("gp", "asked")]
    assert hub.passed(question) == [("informal", "only-asker"), ("home-care", "nobody"), ("coordinator", "nobody")]
    with pytest.raises(Unprocessable):
        hub.operate(DOCTOR, question, "escalate")


def test_a_topic_goes_to_the_lowest_level_that_answers_it(hub: LadderRoom) -> None:
    medication = hub.ask(CLIENT, "medication")
    assert hub.way(medication) == [("home-care", "asked")]
    assert hub.passed(medication) == [("informal", "topic")]
    assert hub.way(hub.ask(CLIENT, "medical")) == [("coordinator", "asked")]
    assert hub.way(hub.ask(CLIENT, "fall")) == [("home-care", "emergency")]


def test_a_question_on_its_way_becomes_an_emergency(hub: LadderRoom) -> None:
    question = hub.ask(CLIENT, "nursing")
    acute = {"valueCoding": {"system": TOPIC, "code": "acute"}}
    hub.operate(CLIENT, question, "escalate", category=acute)
    assert hub.way(question) == [("home-care", "asked"), ("gp", "emergency")]
    assert seen_by(hub, question) == {NURSE, DOCTOR}
    with pytest.raises(Unprocessable):
        hub.operate(DOCTOR, question, "escalate", category=acute)


def test_who_is_at_another_level_neither_answers_nor_sends_on(hub: LadderRoom) -> None:
    question = hub.ask()
    for who in (NURSE, DOCTOR, "Practitioner/outsider"):
        for code in ("answer", "escalate"):
            with pytest.raises(Forbidden):
                hub.operate(who, question, code, **({"payload": "x"} if code == "answer" else {}))
    for who in (CLIENT, SYSTEM):
        with pytest.raises(Forbidden):
            hub.operate(who, question, "answer", payload="x")
    hub.operate(DAUGHTER, question, "escalate")
    with pytest.raises(Forbidden):
        hub.operate(DAUGHTER, question, "answer", payload="x")
    assert hub.way(question)[-1] == ("home-care", "cannot-answer")


def test_an_answer_without_a_text_is_refused(hub: LadderRoom) -> None:
    question = hub.ask()
    with pytest.raises(Unprocessable):
        hub.operate(DAUGHTER, question, "answer")
    with pytest.raises(Unprocessable):
        hub.operate(DAUGHTER, hub.hub.thread(CLIENT, [DAUGHTER]), "answer", payload="x")


def test_who_send_it_on_at_once_move_it_one_level(hub: LadderRoom) -> None:
    question = hub.ask()
    again = [hub.operating(who, question, "escalate") for who in (DAUGHTER, CLIENT, DAUGHTER, CLIENT, SYSTEM)]
    assert [each.status for each in gathered(hub, *again)] == [200] * 5
    assert len(hub.way(question)) == 2
    hub.operate(DAUGHTER, question, "escalate")
    assert len(hub.way(question)) == 2
    assert len([each for each in hub.hub.stored("Provenance") if each["target"][0]["reference"] == question]) == 2


def test_who_asks_twice_means_it_once_unless_time_went_by(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.operate(CLIENT, question, "escalate")
    hub.operate(CLIENT, question, "escalate")
    assert len(hub.way(question)) == 2
    hub.now += MINUTE
    hub.operate(CLIENT, question, "escalate")
    assert len(hub.way(question)) == 3
    first = {"valueReference": {"reference": f"Task/{hub.step_tasks(question)[0]['id']}"}}
    hub.now += MINUTE
    hub.operate(CLIENT, question, "escalate", step=first)
    assert len(hub.way(question)) == 3


def test_of_several_rounds_at_once_one_sends_it_on(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.now += 25 * HOUR
    gathered(hub, *(escalating.overdue(hub.hub.services, hub.now) for _ in range(4)))
    assert hub.way(question) == [("informal", "asked"), ("home-care", "time-out")]


def test_an_answer_that_races_with_time_is_never_lost(hub: LadderRoom) -> None:
    for first in (0, 1, 0, 1):
        question = hub.ask()
        hub.now += 25 * HOUR
        work = [escalating.overdue(hub.hub.services, hub.now), hub.operating(DAUGHTER, question, "answer", payload="This")]
        assert not [each for each in gathered(hub, work[first], work[1 - first]) if isinstance(each, Exception)]
        assert (hub.question(question)["state"], hub.question(question)["answered-at"]) == ("answered", 0)
        answers = [each for each in hub.hub.stored("Communication") if each["partOf"][0]["reference"] == question]
        assert [each["payload"][0]["contentString"] for each in answers] == ["This"]
        assert {each["status"] for each in hub.step_tasks(question)} <= {"completed", "failed"}


def test_who_was_too_late_may_still_answer(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.later(25 * HOUR)
    assert hub.level(question) == "home-care"
    hub.operate(DAUGHTER, question, "answer", payload="This")
    assert (hub.question(question)["state"], hub.question(question)["answered-at"]) == ("answered", 0)


def test_an_answer_after_the_answer_is_a_message_like_any_other(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.operate(DAUGHTER, question, "answer", payload="One")
    closed = hub.question(question)["closed"]
    hub.now += HOUR
    hub.operate(DAUGHTER, question, "answer", payload="Two")
    assert hub.question(question)["closed"] == closed
    with pytest.raises(Unprocessable):
        hub.operate(DAUGHTER, question, "escalate")


def test_where_it_stands_is_the_hubs_to_say(hub: LadderRoom) -> None:
    question = hub.ask()
    stored = hub.question(question)["resource"]
    hub.hub.write(SYSTEM, {name: each for name, each in stored.items() if name != "extension"} | {"recipient": [ref(DOCTOR)]})
    assert hub.way(question) == [("informal", "asked")]
    assert hub.question(question)["recipients"] == [DAUGHTER]
    thread = hub.hub.thread(DAUGHTER, [NURSE], extension=stored["extension"])
    assert not [each for each in hub.hub.stored("CommunicationRequest") if thread.endswith(each["id"]) and "extension" in each]


def test_a_question_that_is_closed_is_withdrawn(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.hub.write(SYSTEM, hub.question(question)["resource"] | {"status": "revoked"})
    assert hub.question(question)["state"] == "withdrawn"
    assert [each["status"] for each in hub.step_tasks(question)] == ["cancelled"]
    hub.later(100 * HOUR)
    assert len(hub.way(question)) == 1


def test_whom_it_reaches_follows_the_network(hub: LadderRoom) -> None:
    question = hub.ask()
    hub.hub.write(SYSTEM, network({**ROLES, NEIGHBOUR: None}))
    assert set(hub.question(question)["recipients"]) == {DAUGHTER, NEIGHBOUR}
    assert hub.hub.unread(question) == {DAUGHTER, NEIGHBOUR}
    assert hub.sees(NEIGHBOUR, *question.split("/"))
    hub.operate(NEIGHBOUR, question, "escalate")
    hub.hub.write(SYSTEM, network({each: role for each, role in ROLES.items() if each != NURSE}))
    assert hub.way(question)[1:] == [("home-care", "cannot-answer"), ("coordinator", "left")]
    assert seen_by(hub, question) == {DAUGHTER, COORDINATOR}
    assert COORDINATOR in hub.hub.unread(question)


def test_a_department_answers_as_a_whole(hub: LadderRoom) -> None:
    hub.hub.write(SYSTEM, network({DAUGHTER: None, WARD: ROLES[NURSE], DOCTOR: ROLES[DOCTOR]}))
    question = hub.ask(CLIENT, "nursing")
    assert hub.question(question)["recipients"] == [WARD]
    assert hub.hub.unread(question) == {NURSE, AIDE}
    assert hub.step_tasks(question)[0]["owner"]["reference"] == WARD
    hub.operate(AIDE, question, "answer", payload="Done")
    assert hub.question(question)["state"] == "answered"


def test_a_network_has_a_ladder_of_its_own(hub: LadderRoom) -> None:
    url = f"{CANONICAL}/PlanDefinition/own"
    plan = ladder(url, [("doctor", ROLES[DOCTOR], 60), ("nurse", ROLES[NURSE], 0)])
    hub.hub.write(SYSTEM, plan)
    hub.hub.write(SYSTEM, network(ROLES, extension=[{"url": OF_NETWORK, "valueCanonical": url}]))
    question = hub.ask()
    assert hub.level(question) == "doctor"
    assert hub.question(question)["ladder"] == f"{url}|1"
    hub.later(61 * MINUTE)
    assert hub.level(question) == "nurse"
    assert "due" not in hub.question(question)
    with pytest.raises(Unprocessable):
        hub.hub.write(SYSTEM, {**plan, "id": "broken", "action": [{"title": "nobody"}]})


def test_those_who_run_the_hub_see_where_questions_close(hub: LadderRoom) -> None:
    for _ in range(5):
        hub.operate(NURSE, hub.ask(CLIENT, "medication"), "answer", payload="So")
    report = hub.report(SYSTEM)
    levels = next(each for each in report["group"][0]["stratifier"] if each["code"][0]["coding"][0]["code"] == "level")
    counts = {each["value"]["text"]: each["measureScore"].get("value") for each in levels["stratum"]}
    assert counts.get("Home care") is None or counts["Home care"] >= 5
    assert CLIENT not in str(report)
    with pytest.raises(Forbidden):
        hub.report(NURSE)


def test_a_question_to_nobody_is_refused(hub: LadderRoom) -> None:
    hub.hub.write(SYSTEM, network({NURSE: None}))
    with pytest.raises(Unprocessable) as refused:
        hub.ask()
    assert refused.value.issues[0].detail == "question-without-level"


def test_who_may_not_see_messages_is_nobody_at_a_level(hub: LadderRoom) -> None:
    hub.hub.write(SYSTEM, network({DAUGHTER: None, NURSE: ROLES[NURSE], DOCTOR: ROLES[DOCTOR]}))
    permit = provision("permit", DOCTOR, purposes=["TREAT"], categories=["message"])
    choice = consent(permit, "only-doctor", patient=ref(CLIENT), performer=[ref(CLIENT)])
    hub.hub.write(SYSTEM, choice)
    question = hub.ask(CLIENT)
    assert hub.way(question) == [("gp", "asked")]
    assert hub.passed(question)[:2] == [("informal", "nobody"), ("home-care", "nobody")]


def test_of_two_processes_one_sends_it_on(postgres_server: PostgresServer, tmp_path: Path) -> None:
    database = postgres_server.create(f"ladder_{next(_numbers)}", "template1")
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path / "data"), "FHIR_SERVER_DATABASE_URL": database})
    with ladder_room(tmp_path, database) as hub:
        questions = [hub.ask() for _ in range(5)]
        other = hub.hub.runner.run(bootstrap.open_services(settings))
        try:
            hub.now += 25 * HOUR
            others = replace(other, clock=lambda: hub.now)
            rounds = [escalating.overdue(each, hub.now) for each in (hub.hub.services, others) for _ in range(2)]
            assert gathered(hub, *rounds) == [None] * 4
        finally:
            hub.hub.runner.run(other.reindexing.stop())
            hub.hub.runner.run(other.repository.close())
        for question in questions:
            assert hub.way(question) == [("informal", "asked"), ("home-care", "time-out")]
            origins = [each for each in hub.hub.stored("Provenance") if each["target"][0]["reference"] == question]
            assert sorted(each["activity"]["coding"][0]["code"] for each in origins) == ["asked", "time-out"]
            assert len(hub.step_tasks(question)) == 2
