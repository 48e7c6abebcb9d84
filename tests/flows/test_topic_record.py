"""Who is told that something changed is in the record before, on both engines: for the client to read, without any content."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM, team
from engines import PostgresServer
from flows.test_subscription import Bureau, bureau_open
from flows.test_topics import EVERYBODY, numbers, received, subscribe, topical
from flows.test_topics import told as shown
from hook import hook_running

from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.search.lines import Lines
from fhir_server.search.tree import Everything
from fhir_server.storage.repository import AuditRow, Repository, Unavailable


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bureau(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("topic_record", "template1")
    with hook_running() as hook, bureau_open(tmp_path_factory.mktemp("record"), database, hook) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come at once."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (10_000, 20_000))


def told(bureau: Bureau, path: str) -> list[AuditRow]:
    """Return the lines about the notifications of a subscription, in order."""

    async def found() -> list[AuditRow]:
        services = bureau.room.services
        lines = await services.repository.lines(services.gate.figures(SYSTEM), Lines(Everything(), 10_000))
        return [each.line for each in lines if each.line.request.startswith(bureau.ids[path] + ".")]

    return sorted(bureau.room.runner.run(found()))


def test_each_notification_has_a_line_and_no_content(bureau: Bureau) -> None:
    plain = bureau.subscribe(DAUGHTER, "Communication?id")
    path = subscribe(bureau, DOCTOR, "/record", topical("message", bureau.hook.url("/record")))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    sent = [bureau.room.reply(NURSE, thread) for _ in range(2)]
    bureau.settle()
    for each, who, role in ((plain, DAUGHTER, "related-person"), (path, DOCTOR, "practitioner")):
        lines = told(bureau, each)
        assert [(line.actor, line.role, line.interaction, line.action) for line in lines] == [(who, role, "$notify", "E")] * 2
        assert [f"{line.type}/{line.id}" for line in lines] == sent
        assert {(line.dossier, line.version, line.status, line.category) for line in lines} == {(CLIENT, 1, 200, "message")}
        assert [line.request for line in lines] == [f"{bureau.ids[each]}.{number}" for number in (1, 2)]


def test_the_client_reads_who_was_told(bureau: Bureau) -> None:
    path = subscribe(bureau, NURSE, "/read", topical("thread", bureau.hook.url("/read")))
    bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.until(lambda: numbers(bureau, path) == [1])
    entries = json.loads(bureau.room.operate(CLIENT, "access-log", CLIENT).body)["parameter"]
    found = [{part["name"]: part.get("valueString", "") for part in each["part"]} for each in entries if each["name"] == "entry"]
    (entry,) = [
        each for each in found if each["who"] == "Nurse" and each["data"] == "gesprekken" and "bericht gekregen" in each["action"]
    ]
    assert entry["basis"].startswith("abonnement")
    events = {each["id"]: each for each in audit_events(bureau)}
    subtypes = [coding["code"] for each in events.values() for coding in each.get("subtype", ())]
    assert "notify" in subtypes


def audit_events(bureau: Bureau) -> list[dict[str, Any]]:
    async def found() -> list[dict[str, Any]]:
        services = bureau.room.services
        entry = services.catalog.types["AuditEvent"]
        given = (("patient", CLIENT), ("_count", "100"))
        answer = await search(Call(services, SYSTEM, "search-type", entry, parameters=given, request="r", now=services.clock()))
        return [each["resource"] for each in json.loads(answer.body).get("entry", ())]

    return bureau.room.runner.run(found())


class Silent:
    """A store that writes no record for a while."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.asked, self.away = repository, 0, True

    async def record(self, line: AuditRow) -> None:
        self.asked += 1
        if self.away:
            raise Unavailable("the database does not answer")
        await self.repository.record(line)


def test_nothing_leaves_that_is_not_in_the_record(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    path = subscribe(bureau, NURSE, "/durable", topical("message", bureau.hook.url("/durable")))
    monkeypatch.setattr("fhir_server.subscriptions.postman.LEASE", 100_000)
    postman, composer = bureau.worker.postman, bureau.worker.postman.composer
    silent: Any = Silent(composer.recorder.repository)
    postman.composer = replace(composer, recorder=replace(composer.recorder, repository=silent))
    bureau.room.reply(NURSE, bureau.room.thread(DAUGHTER, [NETWORK]))
    bureau.until(lambda: silent.asked > 1)
    assert numbers(bureau, path) == []
    silent.away = False
    bureau.until(lambda: numbers(bureau, path) == [1])
    postman.composer = composer
    assert len(told(bureau, path)) == 1


@pytest.mark.usefixtures("quick")
def test_each_attempt_has_a_line_and_a_number_alone_has_none(bureau: Bureau) -> None:
    path = subscribe(bureau, DOCTOR, "/number", topical("message", bureau.hook.url("/number")))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.hook.answers[path] = [500] * 1000
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: len(numbers(bureau, path)) > 1)
    bureau.room.write(SYSTEM, team(NETWORK, [each for each in EVERYBODY if each != DOCTOR], CLIENT))
    bureau.hook.answers[path].clear()
    bureau.settle()
    events = [event for each in received(bureau, path) for event in shown(each)["events"]]
    assert events[-1] == (1, "")
    tried = [each for each in events if each[1]]
    assert len(tried) > 1
    assert [line.request for line in told(bureau, path)] == [f"{bureau.ids[path]}.1"] * len(tried)
    bureau.room.write(SYSTEM, team(NETWORK, EVERYBODY, CLIENT))
