"""What is said in a conversation that is told in confidence: the client learns nothing of it, whoever writes, on both engines."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from dossier_room import CLIENT, DOCTOR, NURSE, SYSTEM, Json, Room, actor, asked, message, room
from engines import PostgresServer

from fhir_server.network.confidence import confided
from fhir_server.search.tree import Everything, Query, ReferenceTo
from fhir_server.validation import validate

LABEL = {"system": "https://netwerkdossier.example/fhir/CodeSystem/label", "code": "third-party"}
CONFIDED = {"meta": {"security": [LABEL]}}
_numbers = count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"confidence_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("confidence"), database) as found:
        yield found


def seen(hub: Room, who: str, type_: str) -> list[Json]:
    async def found() -> list[Json]:
        person = await hub.services.standings.of(actor(who), hub.services.clock())
        grant = hub.services.gate.grant(person, "search-type", type_)
        page = await hub.services.repository.search(grant, Query(type_, Everything(), count=1000))
        return [json.loads(each.body) for each in page.resources]

    return hub.runner.run(found())


def labels(hub: Room, reference: str) -> list[Json]:
    type_, _, id_ = reference.partition("/")
    (found,) = [each for each in hub.stored(type_) if each["id"] == id_]
    assert list(validate(found)) == []
    return found["meta"].get("security", [])


def test_a_reply_and_its_tasks_are_as_confidential_as_the_conversation(hub: Room) -> None:
    before = {type_: seen(hub, CLIENT, type_) for type_ in ("CommunicationRequest", "Communication", "Task")}
    thread = hub.thread(DOCTOR, [NURSE], **CONFIDED)
    plain, labelled, other = hub.reply(NURSE, thread), hub.reply(DOCTOR, thread, **CONFIDED), {"system": "urn:x", "code": "y"}
    more = hub.reply(NURSE, thread, meta={"security": [other], "profile": ["http://example.org/p"]})
    assert labels(hub, plain) == labels(hub, labelled) == [LABEL]
    assert labels(hub, more) == [other, LABEL]
    for task in hub.stored("Task", ReferenceTo("based-on", thread)):
        assert task["meta"]["security"] == [LABEL]
        assert list(validate(task)) == []
    assert hub.unread(thread) == {DOCTOR}
    assert {each["owner"]["reference"] for each in seen(hub, DOCTOR, "Task") if each["basedOn"][0]["reference"] == thread} == {
        DOCTOR
    }
    assert plain in {f"Communication/{each['id']}" for each in seen(hub, DOCTOR, "Communication")}
    assert {type_: seen(hub, CLIENT, type_) for type_ in before} == before


def test_what_is_told_openly_stays_open(hub: Room) -> None:
    thread = hub.thread(DOCTOR, [NURSE])
    reply = hub.reply(NURSE, thread)
    assert labels(hub, reply) == []
    assert all("security" not in each["meta"] for each in hub.stored("Task", ReferenceTo("based-on", thread)))
    assert reply in {f"Communication/{each['id']}" for each in seen(hub, CLIENT, "Communication")}


def test_the_answer_to_who_writes_shows_the_label(hub: Room) -> None:
    thread = hub.thread(DOCTOR, [NURSE], **CONFIDED)
    answer = hub.write(NURSE, message(NURSE, thread))
    assert json.loads(answer.body)["meta"]["security"] == [LABEL]


def test_tasks_get_the_label_when_the_conversation_does(hub: Room) -> None:
    id_ = hub.write(DOCTOR, asked(DOCTOR, [NURSE])).id
    thread = f"CommunicationRequest/{id_}"
    hub.reply(NURSE, thread)
    hub.write(SYSTEM, asked(DOCTOR, [NURSE]) | {"id": id_} | CONFIDED)
    assert labels(hub, hub.reply(NURSE, thread)) == [LABEL]
    hub.reply(DOCTOR, thread)
    for task in hub.stored("Task", ReferenceTo("based-on", thread)):
        assert task["meta"]["security"] == [LABEL]


def test_what_is_confidential_already_stays_itself() -> None:
    resource = {"resourceType": "Task", **CONFIDED}
    assert confided(resource, [LABEL]) is resource
    assert confided({"resourceType": "Task"}, []) == {"resourceType": "Task"}
    assert confided({"resourceType": "Task"}, [LABEL, LABEL])["meta"] == {"security": [LABEL]}
