"""Signals on a running hub: who posts, who sees them, how they are counted, and what is told of them."""

import asyncio
from collections.abc import Iterator

import pytest
from directed_room import DirectedRoom, body, directed_room, refusal
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NEIGHBOUR, NETWORK, NURSE, SYSTEM, Json, ref, team
from engines import PostgresServer

from fhir_server.interactions.call import Answer
from fhir_server.search.tree import ReferenceTo

ROLES = "https://netwerkdossier.example/fhir/CodeSystem/network-role"
TOPICS = "https://netwerkdossier.example/fhir/CodeSystem/signal-topic"
STATE = "https://netwerkdossier.example/fhir/CodeSystem/signal-state"
DAY = 86_400


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("signals", "template1")
    with directed_room(tmp_path_factory.mktemp("signals"), database) as found:
        yield found


@pytest.fixture
def hub(opened: DirectedRoom) -> DirectedRoom:
    """Give the hub with a network, its coordinators and director, long after what was posted before."""
    opened.clock.forward(30 * DAY)
    with_roles(opened, nurse="coordinator", aide="coordinator", doctor="director")
    return opened


def with_roles(hub: DirectedRoom, **roles: str) -> None:
    network = team(NETWORK, (DAUGHTER, NEIGHBOUR, NURSE, AIDE, DOCTOR), CLIENT)
    for each in network["participant"]:
        if role := roles.get(each["member"]["reference"].partition("/")[2]):
            each["role"] = [{"coding": [{"system": ROLES, "code": role}]}]
    hub.room.write(SYSTEM, network)


def given(**values: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in values.items()]}


def concern(topic: str = "falling", severity: str = "high", words: str = "She fell again.") -> Json:
    coding = {"system": TOPICS, "code": topic}
    return given(text={"valueString": words}, topic={"valueCoding": coding}, severity={"valueCode": severity})


def post(hub: DirectedRoom, who: str, **more: str) -> str:
    """Post a signal; return its reference."""
    parts = body(hub.ask(who, "$signal", CLIENT, concern(**more)))["parameter"]
    return str(parts[0]["valueReference"]["reference"])


def verifications(hub: DirectedRoom, signal: str) -> dict[str, Json]:
    """Return the Tasks to look into a signal by owner."""
    found = hub.room.stored("Task", ReferenceTo("based-on", signal))
    return {each["owner"]["reference"]: each for each in found if "code" in each}


def count(task: Json) -> int:
    return next(each["valuePositiveInt"] for each in task["input"] if "valuePositiveInt" in each)


def state(hub: DirectedRoom, signal: str) -> list[str]:
    return [each["code"] for each in stored(hub, signal)["meta"]["tag"] if each["system"] == STATE]


def stored(hub: DirectedRoom, signal: str) -> Json:
    id_ = signal.partition("/")[2]
    return next(each for each in hub.room.stored("CommunicationRequest") if each["id"] == id_)


def found_it(outcome: str, note: str = "") -> Json:
    return given(outcome={"valueCode": outcome}, **({"note": {"valueString": note}} if note else {}))


def test_a_signal_goes_to_the_coordinators_and_nobody_else_sees_it(hub: DirectedRoom) -> None:
    signal = post(hub, NEIGHBOUR)
    assert state(hub, signal) == ["unverified"]
    tasks = verifications(hub, signal)
    assert {who: each["status"] for who, each in tasks.items()} == {NURSE: "requested", AIDE: "requested"}
    assert hub.room.unread(signal) == {NURSE, AIDE}
    readers = {each for each in (CLIENT, NEIGHBOUR, NURSE, AIDE, DOCTOR, DAUGHTER) if hub.reads(each, signal)}
    assert readers == {CLIENT, NEIGHBOUR, NURSE, AIDE}
    task = f"Task/{tasks[NURSE]['id']}"
    assert {each for each in (NEIGHBOUR, NURSE, DOCTOR, DAUGHTER) if hub.reads(each, task)} == {NEIGHBOUR, NURSE}


def test_many_eyes_are_counted(hub: DirectedRoom) -> None:
    first = post(hub, NEIGHBOUR)
    assert {count(each) for each in verifications(hub, first).values()} == {1}
    post(hub, DAUGHTER, topic="mood")
    second = post(hub, DAUGHTER)
    post(hub, DAUGHTER)
    assert {count(each) for signal in (first, second) for each in verifications(hub, signal).values()} == {2}
    hub.clock.forward(15 * DAY)
    assert {count(each) for each in verifications(hub, post(hub, CLIENT)).values()} == {1}


def test_who_posts_at_the_same_moment_is_counted(hub: DirectedRoom) -> None:
    async def both() -> list[Answer]:
        return await asyncio.gather(*(hub.asking(each, "$signal", CLIENT, concern()) for each in (NEIGHBOUR, DAUGHTER)))

    answers = [body(each)["parameter"][0]["valueReference"]["reference"] for each in hub.room.runner.run(both())]
    assert {count(each) for signal in answers for each in verifications(hub, signal).values()} == {2}


@pytest.mark.parametrize("outcome", ["verified", "refuted", "duplicate"])
def test_a_coordinator_says_what_it_is_and_the_poster_is_told(hub: DirectedRoom, outcome: str) -> None:
    signal = post(hub, NEIGHBOUR)
    tasks = verifications(hub, signal)
    task = f"Task/{tasks[NURSE]['id']}"
    assert refusal(lambda: hub.ask(AIDE, "$verify", task, found_it(outcome))) in {"signal-not-yours", "not-permitted"}
    assert refusal(lambda: hub.ask(NURSE, "$verify", task, found_it("perhaps"))) == "signal-outcome"
    answer = hub.ask(NURSE, "$verify", task, found_it(outcome, "I went there."))
    assert (answer.status, body(answer)["status"], answer.recorded) == (200, "completed", True)
    assert state(hub, signal) == [outcome]
    assert {who: each["status"] for who, each in verifications(hub, signal).items()} == {NURSE: "completed", AIDE: "cancelled"}
    (told,) = hub.room.stored("Communication", ReferenceTo("part-of", signal))
    assert (told["sender"]["reference"], told["payload"][1]["contentString"]) == (NURSE, "I went there.")
    assert hub.reads(NEIGHBOUR, f"Communication/{told['id']}")
    assert not hub.reads(DAUGHTER, f"Communication/{told['id']}")
    assert NEIGHBOUR in hub.room.unread(signal)
    assert refusal(lambda: hub.ask(NURSE, "$verify", task, found_it(outcome))) == "signal-over"


def test_without_coordinator_the_director_looks_into_it_and_without_both_nobody(hub: DirectedRoom) -> None:
    with_roles(hub, nurse="core", doctor="director")
    assert set(verifications(hub, post(hub, NEIGHBOUR))) == {DOCTOR}
    with_roles(hub, nurse="core")
    answer = body(hub.ask(NEIGHBOUR, "$signal", CLIENT, concern()))["parameter"]
    assert [each["name"] for each in answer] == ["signal", "recipient", "note"]
    signal = answer[0]["valueReference"]["reference"]
    assert (answer[1]["valueReference"]["reference"], verifications(hub, signal)) == (CLIENT, {})
    assert not hub.reads(NURSE, signal)


def test_who_is_not_of_the_network_posts_nothing(hub: DirectedRoom) -> None:
    assert refusal(lambda: hub.ask("Practitioner/outsider", "$signal", CLIENT, concern())) == "not-permitted"
    assert refusal(lambda: hub.ask(NURSE, "$signal", "Patient/nobody", concern())) == "not-permitted"
    assert refusal(lambda: hub.ask(NEIGHBOUR, "$signal", CLIENT, concern(topic="weather"))) == "signal-topic"
    assert refusal(lambda: hub.ask(NEIGHBOUR, "$signal", CLIENT, concern(severity="huge"))) == "signal-severity"
    assert refusal(lambda: hub.ask(NEIGHBOUR, "$signal", CLIENT, given(severity={"valueCode": "low"}))) == "parameter-missing"


def test_nobody_else_tags_a_signal(hub: DirectedRoom) -> None:
    signal = stored(hub, post(hub, NEIGHBOUR))
    fake = {name: value for name, value in signal.items() if name != "id"} | {"requester": ref(DAUGHTER), "recipient": [ref(NURSE)]}
    assert refusal(lambda: hub.room.write(DAUGHTER, fake)) == "tag-of-server"
    bare = {**signal, "meta": {"tag": [{"system": STATE, "code": "verified"}]}, "status": "completed"}
    assert refusal(lambda: hub.room.write(SYSTEM, bare)) == "tag-of-server"
    hub.room.write(NEIGHBOUR, {**signal, "status": "completed"})
    task = verifications(hub, f"CommunicationRequest/{signal['id']}")[NURSE]
    assert hub.ask(NURSE, "$verify", f"Task/{task['id']}", found_it("verified")).status == 200


def test_who_takes_over_reads_it_and_says_what_it_is(hub: DirectedRoom) -> None:
    with_roles(hub, nurse="coordinator")
    signal = post(hub, NEIGHBOUR)
    hub.ask(NURSE, "$leave", NETWORK, given(**{"reassign-to": {"valueReference": ref(DOCTOR)}}))
    assert (hub.reads(NURSE, signal), hub.reads(DOCTOR, signal)) == (False, True)
    ((owner, task),) = verifications(hub, signal).items()
    assert (owner, DOCTOR in hub.room.unread(signal)) == (DOCTOR, True)
    assert hub.ask(DOCTOR, "$verify", f"Task/{task['id']}", found_it("verified")).status == 200
