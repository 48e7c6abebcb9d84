"""Subscriptions to topics on both engines, with an endpoint on this machine: handshake, notifications, heartbeat, catching up."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, room, team
from engines import PostgresServer
from flows.test_subscription import Bureau, bureau_open
from hook import hook_running

from fhir_server import validation
from fhir_server.access.actor import Actor
from fhir_server.errors import FhirError, Forbidden
from fhir_server.interactions.capabilities import TOPIC, statement
from fhir_server.model import xml
from fhir_server.subscriptions.manner import BACKPORT, PROFILE

Json = dict[str, Any]
BASE = "https://netwerkdossier.example/fhir/SubscriptionTopic/"
EVERYBODY = [DAUGHTER, NURSE, DOCTOR, "CareTeam/ward"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bureau(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("topics", "template1")
    with hook_running() as hook, bureau_open(tmp_path_factory.mktemp("topics"), database, hook) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come at once."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (10_000, 20_000))


def topical(topic: str, url: str, filters: Sequence[str] = (), content: str = "id-only", **channel: Any) -> Json:
    made: Json = {
        "resourceType": "Subscription",
        "meta": {"profile": [PROFILE]},
        "status": "requested",
        "reason": "test",
        "criteria": BASE + topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": url,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": BACKPORT + "backport-payload-content", "valueCode": content}]},
            **channel,
        },
    }
    extensions = [{"url": BACKPORT + "backport-filter-criteria", "valueString": each} for each in filters]
    return made | ({"_criteria": {"extension": extensions}} if extensions else {})


def subscribe(bureau: Bureau, who: Actor | str, path: str, made: Json, status: str = "active") -> str:
    bureau.ids[path] = bureau.room.write(who, made).id
    bureau.until(lambda: bureau.shown(path)["status"] == status)
    return path


def received(bureau: Bureau, path: str) -> list[Json]:
    return [json.loads(each.body) for each in bureau.hook.received if each.path == path]


def told(bundle: Json) -> Json:
    """Return the parameters of the status that begins a Bundle; its events as a list of (number, focus)."""
    parts = bundle["entry"][0]["resource"]["parameter"]
    found = {
        each["name"]: next(value for key, value in each.items() if key.startswith("value")) for each in parts if "part" not in each
    }
    events = [{one["name"]: one for one in each["part"]} for each in parts if each["name"] == "notificationEvent"]
    found["events"] = [
        (int(each["eventNumber"]["valueString"]), each["focus"]["valueReference"]["reference"] if "focus" in each else "")
        for each in events
    ]
    return found


def numbers(bureau: Bureau, path: str) -> list[int]:
    return [number for each in received(bureau, path) for number, _ in told(each)["events"]]


def asked(bureau: Bureau, who: Actor | str, path: str, operation: str = "events", **parameters: str) -> Json:
    parts = [{"name": name, "valueString": value} for name, value in parameters.items()]
    body = json.dumps({"resourceType": "Parameters", "parameter": parts}).encode() if parts else b""
    answer = bureau.room.operate(who, operation, f"Subscription/{bureau.ids[path]}", body)
    found: Json = json.loads(answer.body)
    validation.check(found)
    return found


def test_handshake_then_one_notification_for_each_event(bureau: Bureau) -> None:
    path = subscribe(bureau, DAUGHTER, "/shape", topical("message", bureau.hook.url("/shape")))
    (handshake,) = received(bureau, path)
    assert (told(handshake)["type"], told(handshake)["status"], told(handshake)["events"]) == ("handshake", "requested", [])
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    first, second = bureau.room.reply(NURSE, thread), bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: bureau.hook.count(path) == 3)
    notified = received(bureau, path)[1:]
    base = bureau.room.services.base
    assert [told(each)["events"] for each in notified] == [[(1, f"{base}/{first}")], [(2, f"{base}/{second}")]]
    for bundle in (handshake, *notified):
        validation.check(bundle)
    (status, focus) = notified[1]["entry"]
    id_ = bureau.ids[path]
    assert (notified[1]["type"], notified[1]["meta"]["profile"]) == (
        "history",
        [BACKPORT + "backport-subscription-notification-r4"],
    )
    assert status["resource"]["meta"]["profile"] == [BACKPORT + "backport-subscription-status-r4"]
    assert status["request"] == {"method": "GET", "url": f"Subscription/{id_}/$status"}
    assert told(notified[1]) == {
        "subscription": {"reference": f"{base}/Subscription/{id_}"},
        "topic": BASE + "message",
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": "2",
        "events": [(2, f"{base}/{second}")],
    }
    assert focus == {
        "fullUrl": f"{base}/{second}",
        "request": {"method": "POST", "url": "Communication"},
        "response": {"status": "201"},
    }
    assert {each.headers["content-type"] for each in bureau.hook.received if each.path == path} == {"application/fhir+json"}


def test_empty_notifications_in_xml_name_nothing(bureau: Bureau) -> None:
    made = topical("message", bureau.hook.url("/empty"), content="empty", payload="application/fhir+xml")
    path = subscribe(bureau, NURSE, "/empty", made)
    bureau.room.reply(NURSE, bureau.room.thread(DAUGHTER, [NETWORK]))
    bureau.until(lambda: bureau.hook.count(path) == 2)
    body = [each.body for each in bureau.hook.received if each.path == path][1]
    assert told(xml.read(body))["events"] == [(1, "")]
    assert b"Communication" not in body


def test_filters_narrow_a_topic_down(bureau: Bureau) -> None:
    filters = [f"Task?owner={NURSE}", "Task?status=requested"]
    path = subscribe(bureau, NURSE, "/filtered", topical("task", bureau.hook.url("/filtered"), filters))
    outside = subscribe(bureau, OUTSIDER, "/outside", topical("task", bureau.hook.url("/outside")))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    reply = bureau.room.reply(DAUGHTER, thread)
    bureau.room.receipt(NURSE, thread, reply)
    bureau.settle()
    assert (numbers(bureau, path), numbers(bureau, outside)) == ([1, 2], [])


def test_an_endpoint_that_refuses_the_handshake_is_sent_nothing(bureau: Bureau) -> None:
    bureau.hook.answers["/refusing"] = [404]
    path = subscribe(bureau, DAUGHTER, "/refusing", topical("message", bureau.hook.url("/refusing")), "error")
    assert "404" in bureau.shown(path)["error"]
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert bureau.hook.count(path) == 1
    bureau.room.write(DAUGHTER, {**bureau.shown(path), "status": "requested"})
    bureau.until(lambda: bureau.shown(path)["status"] == "active")
    bureau.until(lambda: bureau.hook.count(path) == 3)
    assert [told(each)["type"] for each in received(bureau, path)[1:]] == ["handshake", "event-notification"]
    assert numbers(bureau, path) == [1]


def test_silence_is_broken_by_a_heartbeat(bureau: Bureau) -> None:
    period = [{"url": BACKPORT + "backport-heartbeat-period", "valueUnsignedInt": 60}]
    path = subscribe(bureau, NURSE, "/beating", topical("consent", bureau.hook.url("/beating"), extension=period))
    bureau.settle()
    postman, clock = bureau.worker.postman, bureau.worker.postman.access.clock
    before = postman.access
    for seconds, beats in ((50, 0), (61, 1), (100, 1), (122, 2)):
        postman.access = replace(before, clock=lambda seconds=seconds: clock() + seconds * 1_000_000)
        bureau.room.runner.run(postman.claim())
        bureau.room.runner.run(asyncio.sleep(0.1))
        bureau.until(lambda beats=beats: bureau.hook.count(path) == 1 + beats)
    postman.access = before
    assert {told(each)["type"] for each in received(bureau, path)[1:]} == {"heartbeat"}


@pytest.mark.usefixtures("quick")
def test_who_missed_something_catches_up(bureau: Bureau) -> None:
    path = subscribe(bureau, DAUGHTER, "/away", topical("message", bureau.hook.url("/away")))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: numbers(bureau, path) == [1])
    bureau.worker.postman.window, window = 0, bureau.worker.postman.window
    bureau.hook.answers[path] = [500]
    missed = [bureau.room.reply(NURSE, thread) for _ in range(3)]
    bureau.until(lambda: bureau.shown(path)["status"] == "error")
    bureau.worker.postman.window = window
    bureau.settle()
    base = bureau.room.services.base
    found = told(asked(bureau, DAUGHTER, path, eventsSinceNumber="2"))
    assert found["events"] == [(number, f"{base}/{each}") for number, each in enumerate(missed, 2)]
    assert (found["type"], found["eventsSinceSubscriptionStart"]) == ("query-event", "4")
    some = asked(bureau, DAUGHTER, path, eventsSinceNumber="1", eventsUntilNumber="2", content="empty")
    assert (told(some)["events"], len(some["entry"])) == ([(1, ""), (2, "")], 1)
    state = told(asked(bureau, DAUGHTER, path, "status"))
    assert (state["type"], state["status"], state["eventsSinceSubscriptionStart"]) == ("query-status", "error", "4")
    assert "500" in state["error"]["text"]
    with pytest.raises(Forbidden):
        asked(bureau, NURSE, path)


@pytest.mark.usefixtures("quick")
def test_access_that_ended_shows_numbers_and_no_more(bureau: Bureau) -> None:
    path = subscribe(bureau, DOCTOR, "/ended", topical("message", bureau.hook.url("/ended")))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: numbers(bureau, path) == [1])
    bureau.hook.answers[path] = [500] * 1000
    for _ in range(2):
        bureau.room.reply(NURSE, thread)
    bureau.until(lambda: numbers(bureau, path)[-1] == 2)
    bureau.until(lambda: bureau.room.runner.run(bureau.worker.store.find(bureau.ids[path])).last == 3)  # type: ignore[union-attr]
    bureau.room.write(SYSTEM, team(NETWORK, [each for each in EVERYBODY if each != DOCTOR], CLIENT))
    bureau.hook.answers[path].clear()
    bureau.until(lambda: numbers(bureau, path)[-1] == 3)
    assert told(received(bureau, path)[-1])["events"] == [(3, "")]
    assert told(asked(bureau, DOCTOR, path))["events"] == [(1, ""), (2, ""), (3, "")]
    bureau.room.write(SYSTEM, team(NETWORK, EVERYBODY, CLIENT))
    assert all(focus for _, focus in told(asked(bureau, DOCTOR, path))["events"])


def test_numbers_have_no_gaps_when_many_write_at_once(bureau: Bureau) -> None:
    path = subscribe(bureau, DAUGHTER, "/busy", topical("thread", bureau.hook.url("/busy")))

    async def write() -> None:
        made = [
            {"resourceType": "CommunicationRequest", "status": "active", "subject": {"reference": CLIENT}}
            | {"requester": {"reference": who}, "recipient": [{"reference": NETWORK}], "payload": [{"contentString": "?"}]}
            for who in (DAUGHTER, NURSE, DOCTOR) * 4
        ]
        await asyncio.gather(*(bureau.room.writing(each["requester"]["reference"], each) for each in made))

    bureau.room.runner.run(write())
    bureau.until(lambda: bureau.hook.count(path) == 13)
    assert numbers(bureau, path) == list(range(1, 13))
    assert [number for number, _ in told(asked(bureau, DAUGHTER, path))["events"]] == list(range(1, 13))


REFUSED = [
    (
        {},
        {"_payload": {"extension": [{"url": BACKPORT + "backport-payload-content", "valueCode": "full-resource"}]}},
        "channel.payload",
    ),
    ({"criteria": BASE + "weather"}, {}, "criteria"),
    (
        {"_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": "Task?note=x"}]}},
        {},
        "criteria.extension",
    ),
    (
        {"_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": "owner=x"}]}},
        {},
        "criteria.extension",
    ),
    ({}, {"payload": "text/plain"}, "channel.payload"),
    ({}, {"type": "sms"}, "channel.type"),
    ({}, {"extension": [{"url": BACKPORT + "backport-heartbeat-period", "valueUnsignedInt": 1}]}, "channel"),
]


@pytest.mark.parametrize(("more", "channel", "place"), REFUSED)
def test_what_is_refused_is_not_stored(bureau: Bureau, more: Json, channel: Json, place: str) -> None:
    before = len(bureau.room.stored("Subscription"))
    with pytest.raises(FhirError) as refused:
        bureau.room.write(NURSE, topical("task", bureau.hook.url("/refused"), **channel) | more)
    assert (refused.value.status, refused.value.issues[0].expression) == (422, f"Subscription.{place}")
    assert len(bureau.room.stored("Subscription")) == before


def test_a_subscription_without_a_topic_has_no_numbers(bureau: Bureau) -> None:
    path = bureau.subscribe(NURSE, "Task?id")
    with pytest.raises(FhirError) as refused:
        asked(bureau, NURSE, path)
    assert refused.value.status == 422


def test_topics_are_declared(bureau: Bureau) -> None:
    declared = statement(bureau.room.services.catalog, bureau.room.services.base)["rest"][0]["resource"]
    (found,) = [each for each in declared if each["type"] == "Subscription"]
    assert {each["valueCanonical"] for each in found["extension"] if each["url"] == TOPIC} == {
        BASE + name for name in ("task", "message", "thread", "careteam", "consent")
    }


def test_ozo_knows_no_topics(tmp_path: Path) -> None:
    with room(tmp_path, FHIR_SERVER_OZO_STRICT="true") as strict, pytest.raises(FhirError) as refused:
        strict.write(NURSE, topical("task", "https://platform.example/hook"))
    assert (refused.value.status, refused.value.issues[0].expression) == (422, "Subscription.meta.profile")
